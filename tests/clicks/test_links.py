"""Where a link may lead, and what becomes of the parameters on the way: no database, no request."""

import pytest

from apps.clicks.links import (
    CHECKOUT_HOSTS,
    MAX_ADDRESS,
    DestinationError,
    carry_click_id,
    carrying_fields,
    is_from_an_ad,
    may_lead_to,
    merge_parameters,
    read_arrival,
    read_destination,
)
from apps.gateways.registry import ADAPTERS
from tests.worlds import LANDING

CLICK_ID = "htc" + "0" * 24
OLDER_ID = "htc" + "v" * 24
FBCLID = "IwZXh0bgNhZW0CMTEAAR0-_.aZ09~IwAR"


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        (LANDING, LANDING),
        ("https://loja.example.com", "https://loja.example.com/"),
        ("HTTPS://Loja.Example.COM/Oferta", "https://loja.example.com/Oferta"),
        ("http://loja.example.com:8080/a?b=c&d#e", "http://loja.example.com:8080/a?b=c&d#e"),
        ("https://loja.example.com./a", "https://loja.example.com/a"),
        ("https://münchen.example.com/maçã?q=é#é", "https://xn--mnchen-3ya.example.com/ma%C3%A7%C3%A3?q=%C3%A9#%C3%A9"),
        ("https://loja.example.com/%7Cj%C3%A1", "https://loja.example.com/%7Cj%C3%A1"),
        ("https://loja.example.com//evil.com/..", "https://loja.example.com//evil.com/.."),
    ],
)
def test_a_destination_is_kept_in_ascii(written: str, stored: str) -> None:
    assert read_destination(written) == stored


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("", "scheme"),
        ("//evil.com", "scheme"),
        ("/oferta", "scheme"),
        ("evil.com", "scheme"),
        ("javascript:alert(1)", "scheme"),
        ("data:text/html,x", "scheme"),
        ("ftp://loja.example.com/", "scheme"),
        ("https:evil.com", "host"),
        ("https:///evil.com", "host"),
        ("https://", "host"),
        ("https://[::1]/", "host"),
        ("https://a..b/", "host"),
        ("https://good.com%00.evil.com/", "host"),
        (f"https://{'a' * 64}.com/", "host"),
        ("https://good.com@evil.com/", "user"),
        ("https://ana:senha@good.com/", "user"),
        ("https://good.com:99999/", "address"),
        ("https://good.com:x/", "address"),
        ("https://[/", "address"),
        ("/\\evil.com", "address"),
        ("https://good.com\\@evil.com/", "address"),
        ("https://good.com/a b", "address"),
        (" https://good.com/", "address"),
        ("https://good.com/\r\nSet-Cookie: a=b", "address"),
        ("https://good.com/\x00", "address"),
        ("https://good.com/\u202egpj", "address"),
        ('https://good.com/"><script>', "address"),
        (f"https://good.com/{'x' * 2000}", "long"),
        (f"https://good.com/{'é' * 700}", "long"),
    ],
)
def test_what_is_no_destination_is_refused_by_a_word(written: str, why: str) -> None:
    with pytest.raises(DestinationError) as refused:
        read_destination(written)

    assert str(refused.value) == why


@pytest.mark.parametrize(
    ("destination", "landing", "chosen", "allowed"),
    [
        ("https://cursosdaana.example.com/outra", LANDING, "", True),
        ("https://pay.cursosdaana.example.com/", LANDING, "", True),
        ("https://cursosdaana.example.com/", "https://www.cursosdaana.example.com/", "", True),
        ("https://www.cursosdaana.example.com/", LANDING, "", True),
        ("https://example.com/", LANDING, "", False),
        ("https://notcursosdaana.example.com/", LANDING, "", False),
        ("https://cursosdaana.example.com.evil.com/", LANDING, "", False),
        ("https://anything.com/", "", "", False),
        ("https://pay.hotmart.com/A1", "", "", True),
        ("https://hotmart.com.evil.com/", "", "", False),
        ("https://evilhotmart.com/", "", "", False),
        ("https://outra.example.org/", LANDING, "outra.example.org", True),
        ("https://outra.example.org/", LANDING, " Outra.Example.ORG ", True),
        ("https://outra.example.org/", LANDING, "example.org", False),
        ("https://outra.example.org/", LANDING, "", False),
    ],
)
def test_a_link_leads_only_to_hosts_that_were_meant(destination: str, landing: str, chosen: str, allowed: bool) -> None:
    assert may_lead_to(destination, landing, chosen) is allowed


def test_a_look_alike_dot_does_not_make_a_checkout_of_a_host() -> None:
    assert not may_lead_to(read_destination("https://pay.hotmart.com。evil.com/"), "", "")


def test_every_checkout_is_of_a_gateway_that_is_known() -> None:
    assert set(CHECKOUT_HOSTS.values()) <= set(ADAPTERS)


@pytest.mark.parametrize(
    ("destination", "gateways", "fields"),
    [
        ("https://pay.hotmart.com/A1", ["stripe"], ("sck",)),
        ("https://buy.stripe.com/a", ["hotmart"], ("client_reference_id",)),
        ("https://go.perfectpay.com.br/PPU1", [], ("src",)),
        ("https://pay.appmax.com.br/1", [], ("utm_content",)),
        ("https://chk.eduzz.com/1", [], ("trk",)),
        (LANDING, ["hotmart", "kiwify", "stripe"], ("sck", "client_reference_id")),
        (LANDING, ["unheard-of"], ("sck",)),
        (LANDING, [], ("sck",)),
    ],
)
def test_the_click_id_travels_in_the_field_that_the_gateway_carries(
    destination: str, gateways: list[str], fields: tuple[str, ...]
) -> None:
    assert carrying_fields(destination, gateways) == fields


@pytest.mark.parametrize(
    ("destination", "query", "merged"),
    [
        ("https://a.com/", "", "https://a.com/"),
        ("https://a.com/p", "x=1", "https://a.com/p?x=1"),
        ("https://a.com/p#top", "x=1", "https://a.com/p?x=1#top"),
        ("https://a.com/?a=1#/route?b=2", "x=1", "https://a.com/?a=1&x=1#/route?b=2"),
        ("https://a.com/?utm_source=link&off=abc", "utm_source=fb", "https://a.com/?utm_source=fb&off=abc"),
        ("https://a.com/?off=abc", "off=free&x=1", "https://a.com/?off=abc&x=1"),
        ("https://a.com/?a=1&sck=x&sck=y&b=2", "sck=z", "https://a.com/?a=1&sck=z&b=2"),
        ("https://a.com/", "fbclid=first&fbclid=second", "https://a.com/?fbclid=first"),
        ("https://a.com/?fbclid=own", "fbclid=first&fbclid=second", "https://a.com/?fbclid=first"),
        ("https://a.com/", "a[]=1&a[]=2&__proto__=x", "https://a.com/?a[]=1&a[]=2&__proto__=x"),
        ("https://a.com/", "&&flag&=v&x=", "https://a.com/?flag&=v&x="),
        ("https://a.com/?%75tm_source=link", "utm_source=fb", "https://a.com/?utm_source=fb"),
        (
            "https://a.com/",
            "url=//evil.com&next=https://evil.com",
            "https://a.com/?url=//evil.com&next=https://evil.com",
        ),
    ],
)
def test_the_visitors_tracking_wins_and_what_is_sold_stays(destination: str, query: str, merged: str) -> None:
    assert merge_parameters(destination, query) == merged


@pytest.mark.parametrize(
    "query",
    [
        f"fbclid={FBCLID}",
        "fbclid=IwAR%2B%2f%2F%7e",
        "utm_campaign=Confeitaria|Frio|120210000000000001",
        "utm_campaign=Confeitaria%20%7C+Frio",
        "utm_source={{7*7}}${7*7}%{7*7}",
        "utm_source=%zz%",
        "utm_source=%0d%0aSet-Cookie:x",
        "utm_source=%FF%FE",
    ],
)
def test_what_is_legal_in_an_address_passes_byte_for_byte(query: str) -> None:
    assert merge_parameters("https://a.com/", query) == f"https://a.com/?{query}"


@pytest.mark.parametrize(
    ("query", "encoded"),
    [
        ("a=\r\nSet-Cookie: x=1", "a=%0D%0ASet-Cookie:%20x=1"),
        ("a=<script>alert(1)</script>", "a=%3Cscript%3Ealert(1)%3C/script%3E"),
        ('a="><img src=x>', "a=%22%3E%3Cimg%20src=x%3E"),
        ("a=x#y\\z`\x00\x7f", "a=x%23y%5Cz%60%00%7F"),
        ("a=\xc3\xa9\xff", "a=%C3%A9%FF"),
        ("a=€", "a=%3F"),
    ],
)
def test_what_is_not_is_encoded(query: str, encoded: str) -> None:
    assert merge_parameters("https://a.com/", query) == f"https://a.com/?{encoded}"


def test_a_parameter_that_fits_no_request_line_is_left_out_and_the_others_pass() -> None:
    merged = merge_parameters(LANDING, f"x={'y' * 10_000}&fbclid={FBCLID}&z=1")

    assert merged == f"{LANDING}?fbclid={FBCLID}&z=1"


def test_an_address_does_not_grow_beyond_its_limit() -> None:
    merged = merge_parameters(LANDING, "&".join(f"p{number}={'v' * 100}" for number in range(200)))

    assert MAX_ADDRESS - 110 < len(merged) <= MAX_ADDRESS
    assert merged.endswith("v" * 100)


def test_a_links_own_value_stays_when_the_visitors_is_too_long() -> None:
    merged = merge_parameters("https://a.com/?utm_source=link", f"utm_source={'y' * 10_000}")

    assert merged == "https://a.com/?utm_source=link"


@pytest.mark.parametrize(
    ("address", "fields", "carried"),
    [
        ("https://a.com/", ("sck",), f"https://a.com/?sck={CLICK_ID}"),
        ("https://a.com/?a=1#b", ("sck",), f"https://a.com/?a=1&sck={CLICK_ID}#b"),
        ("https://a.com/?sck=fb&a=1", ("sck",), f"https://a.com/?sck={CLICK_ID}%7Cfb&a=1"),
        ("https://a.com/?sck=", ("sck",), f"https://a.com/?sck={CLICK_ID}"),
        (f"https://a.com/?sck={OLDER_ID}", ("sck",), f"https://a.com/?sck={CLICK_ID}"),
        (f"https://a.com/?sck={OLDER_ID}|fb", ("sck",), f"https://a.com/?sck={CLICK_ID}%7Cfb"),
        (f"https://a.com/?sck={OLDER_ID.upper()}%7cfb", ("sck",), f"https://a.com/?sck={CLICK_ID}%7Cfb"),
        (
            "https://a.com/?client_reference_id=user-42",
            ("client_reference_id",),
            f"https://a.com/?client_reference_id={CLICK_ID}_user-42",
        ),
        ("https://a.com/?src=x", ("sck", "src"), f"https://a.com/?src={CLICK_ID}%7Cx&sck={CLICK_ID}"),
    ],
)
def test_the_click_id_comes_first_and_once(address: str, fields: tuple[str, ...], carried: str) -> None:
    assert carry_click_id(address, fields, CLICK_ID) == carried


def test_an_arrival_is_read_for_what_a_click_holds() -> None:
    query = f"fbclid={FBCLID}&utm_campaign=A+%7C%20B&src=s&xcod=x&off=abc&email=ana@example.com"

    assert read_arrival(query, {}) == {"fbclid": FBCLID, "utm_campaign": "A | B", "src": "s", "xcod": "x"}


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("", {}),
        ("fbclid=", {}),
        ("fbclid=a&fbclid=b", {"fbclid": "a"}),
        (f"fbclid={'x' * 2048}", {"fbclid": "x" * 2048}),
        (f"fbclid={'x' * 2049}&gclid=g", {"gclid": "g"}),
        ("utm_source=a%00b", {}),
        ("utm_source=%FF", {"utm_source": "\ufffd"}),
        ("utm_source=\xc3\xa9", {"utm_source": "é"}),
        ("utm_source=%ED%A0%80", {"utm_source": "\ufffd" * 3}),
        ("FBCLID=x&public_key=x&url=https://evil.com&session_id=x&email=a", {}),
        (f"sck={OLDER_ID}", {"sck": OLDER_ID, "click_id": OLDER_ID}),
        (f"any=x|hts{'0' * 24}", {"session_id": "hts" + "0" * 24}),
    ],
)
def test_odd_arrivals(query: str, told: dict[str, str]) -> None:
    assert read_arrival(query, {}) == told


@pytest.mark.parametrize(
    ("query", "cookies", "told"),
    [
        ("", {"_fbp": "fb.1.2.3", "_fbc": "fb.1.2.abc"}, {"fbp": "fb.1.2.3", "fbc": "fb.1.2.abc"}),
        ("fbclid=abc", {"_fbc": "fb.1.2.abc"}, {"fbclid": "abc", "fbc": "fb.1.2.abc"}),
        ("fbclid=new", {"_fbc": "fb.1.2.abc"}, {"fbclid": "new"}),
        ("fbp=fb.1.2.9", {"_fbp": "fb.1.2.3"}, {"fbp": "fb.1.2.3"}),
        ("", {"_fbp": "x" * 201, "sessionid": "s"}, {}),
    ],
)
def test_the_pixels_cookies_are_read_on_the_customers_own_domain(
    query: str, cookies: dict[str, str], told: dict[str, str]
) -> None:
    assert read_arrival(query, cookies) == told


@pytest.mark.parametrize(("name", "answer"), [("fbclid", True), ("ttclid", True), ("gclid", True), ("sck", False)])
def test_an_ad_tells_itself_by_its_click_id(name: str, answer: bool) -> None:
    assert is_from_an_ad({name: "x"}) is answer
