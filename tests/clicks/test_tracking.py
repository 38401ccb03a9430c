"""What a page may send: read whole, or refused by name; a person is hashed at once and left out of everything else."""

import json
import string
from typing import Any
from urllib.parse import unquote_plus

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from apps.clicks.tracking import REQUIRED, TEXT_LIMITS, UTM_FIELDS, Hit, TrackingError, read_hit
from apps.core.identity import hash_email, hash_phone
from apps.gateways.tracking import PERSONAL_KEYS

PAGE = "https://loja.example.com/curso"
EMAIL_HASH, PHONE_HASH = hash_email("ana@example.com"), hash_phone("11987654321")
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def hit(**members: Any) -> Hit:
    return read_hit({"public_key": "pk_1", "url": PAGE, **members})


def problems(body: Any) -> dict[str, str]:
    with pytest.raises(TrackingError) as caught:
        read_hit(body)
    return caught.value.fields


def test_the_least_a_page_must_say() -> None:
    said = hit()

    assert (said.text("public_key"), said.text("url")) == ("pk_1", PAGE)
    assert (said.text("fbclid"), said.utm, said.identity, said.consent_ads) == ("", {}, {}, None)


@pytest.mark.parametrize("name", sorted(set(TEXT_LIMITS) - {"email", "phone", "phone_e164", "external_id", "url"}))
def test_each_text_is_kept_whole_up_to_its_limit(name: str) -> None:
    longest = "xY.-_" * TEXT_LIMITS[name]

    assert hit(**{name: longest[: TEXT_LIMITS[name]]}).text(name) == longest[: TEXT_LIMITS[name]]
    assert problems({"public_key": "pk_1", "url": PAGE, name: longest[: TEXT_LIMITS[name] + 1]}) == {name: "too_long"}


def test_a_click_id_of_2048_characters_is_kept_byte_for_byte() -> None:
    fbclid = ("IwAR0-Some.Opaque_Value~é" * 100)[:2048]

    assert hit(fbclid=fbclid).text("fbclid") == fbclid


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("value", ["", None])
def test_what_is_required(name: str, value: Any) -> None:
    assert problems({"public_key": "pk_1", "url": PAGE, name: value}) == {name: "required"}
    assert problems({other: PAGE for other in REQUIRED if other != name}) == {name: "required"}


@pytest.mark.parametrize("value", [True, False, [], ["x"], {}, {"x": 1}, "a\x00b"])
@pytest.mark.parametrize("name", ["public_key", "fbclid", "utm_source", "session_id", "email", "phone", "event_id"])
def test_what_is_not_text_is_refused_by_name(name: str, value: Any) -> None:
    assert problems({"public_key": "pk_1", "url": PAGE, name: value}) == {name: "not_text"}


@pytest.mark.parametrize(("value", "text"), [(7, "7"), (0, "0"), (-1, "-1"), (1.5, "1.5"), (10**30, "1" + "0" * 30)])
def test_numbers_are_read_as_text(value: float, text: str) -> None:
    assert hit(event_id=value).text("event_id") == text


@pytest.mark.parametrize(
    "url",
    [
        *(
            "javascript:alert(1)",
            "data:text/html,x",
            "//evil.example.com",
            "ftp://x",
            "file:///etc/passwd",
            " https://x",
        ),
        *("https:evil.example.com", "loja.example.com", "/\\evil.example.com", "blob:https://x"),
    ],
)
def test_an_address_is_a_web_page(url: str) -> None:
    assert problems({"public_key": "pk_1", "url": url}) == {"url": "not_a_page"}


@pytest.mark.parametrize("url", ["HTTPS://LOJA.example.com", "http://localhost:3000/?a=1#b", f"{PAGE}?q=ação"])
def test_any_web_page_will_do(url: str) -> None:
    assert hit(url=url).text("url") == url


@pytest.mark.parametrize("value", ["true", 1, 0, "", [], {}])
def test_consent_is_a_plain_yes_or_no(value: Any) -> None:
    assert problems({"public_key": "pk_1", "url": PAGE, "consent_ads": value}) == {"consent_ads": "not_boolean"}


@pytest.mark.parametrize("value", [True, False, None])
def test_consent_is_read(value: bool | None) -> None:
    assert hit(consent_ads=value).consent_ads is value


def test_all_that_is_wrong_is_told_at_once() -> None:
    body = {"url": "x", "fbp": "y" * 201, "utm_source": [], "consent_ads": "no"}

    assert problems(body) == {
        "public_key": "required",
        "url": "not_a_page",
        "fbp": "too_long",
        "utm_source": "not_text",
        "consent_ads": "not_boolean",
    }


@pytest.mark.parametrize("body", [[], None, "x", 1, True, [{"public_key": "pk_1"}]])
def test_a_body_is_an_object(body: Any) -> None:
    assert problems(body) == {"body": "not_an_object"}


def test_unknown_members_are_ignored() -> None:
    assert hit(__proto__={"x": 1}, tenant="other", a=[], **{f"x{number}": 1 for number in range(200)}) == hit()


def test_utm_values_are_put_together() -> None:
    said = {name: f"<{name}>" for name in UTM_FIELDS}

    assert hit(**said).utm == said


@pytest.mark.parametrize("email", ["ana@example.com", " Ana@Example.COM ", EMAIL_HASH, (EMAIL_HASH or "").upper()])
def test_an_email_becomes_its_hash(email: str) -> None:
    said = hit(email=email)

    assert said.identity == {"em": [EMAIL_HASH]}
    assert "email" not in said.texts


@pytest.mark.parametrize("phone", ["11987654321", "+55 (11) 98765-4321", "011 98765 4321", PHONE_HASH])
def test_a_phone_becomes_its_hash(phone: str) -> None:
    said = hit(phone=phone)

    assert said.identity["ph"] == [PHONE_HASH]
    assert ("ph_e164" in said.identity) is (phone != PHONE_HASH)
    assert "phone" not in said.texts


@pytest.mark.parametrize("value", ["", "not an address", "@", "123"])
def test_what_is_no_address_or_number_is_nobody(value: str) -> None:
    assert hit(email=value, phone=value).identity == {}


def test_a_hit_shows_nobody_in_its_repr() -> None:
    assert repr(hit(email="ana@example.com", fbclid="secret", consent_ads=True)) == "Hit(consent_ads=True)"


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (f"{PAGE}?utm_source=fb&email=ana@example.com&x=1", f"{PAGE}?utm_source=fb&x=1"),
        (f"{PAGE}?e=ana%40example.com", f"{PAGE}?"),
        (f"{PAGE}?nome=Ana&cpf=1&fbclid=A.b-C", f"{PAGE}?fbclid=A.b-C"),
        (f"{PAGE}?%65mail=x", f"{PAGE}?"),
        (f"{PAGE}?EMAIL=x#form", f"{PAGE}?#form"),
        (f"{PAGE}?a=b?c=d&&e&=f#g?h", f"{PAGE}?a=b?c=d&&e&=f#g?h"),
        (f"{PAGE}?q=%F0%9F%98%80+%zz&q=2", f"{PAGE}?q=%F0%9F%98%80+%zz&q=2"),
        (f"{PAGE}?ref=@ana.moura", f"{PAGE}?ref=@ana.moura"),
        ("https://social.example.com/@ana.moura", "https://social.example.com/@ana.moura"),
        (PAGE, PAGE),
    ],
)
def test_addresses_are_kept_to_the_byte_less_what_names_a_person(written: str, kept: str) -> None:
    said = hit(url=written, referrer=written)

    assert (said.text("url"), said.text("referrer")) == (kept, kept)


@pytest.mark.parametrize("name", [*UTM_FIELDS, "src", "sck", "xcod"])
def test_a_parameter_that_holds_an_email_is_left_out(name: str) -> None:
    said = hit(**{name: "list-7|ana@example.com"})

    assert said.text(name) == ""
    assert "ana" not in json.dumps(said.utm)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.dictionaries(st.sampled_from([*TEXT_LIMITS, "consent_ads", "x"]), JSON_VALUES) | JSON_VALUES)
def test_any_json_is_read_or_refused_by_name(body: Any) -> None:
    try:
        said = read_hit(body)
    except TrackingError as error:
        assert error.fields.keys() <= {*TEXT_LIMITS, "consent_ads", "body"}
        return

    assert all(text and "\x00" not in text for text in said.texts.values())
    assert not {"email", "phone"} & said.texts.keys()


@settings(deadline=None, derandomize=True)
@given(st.text(alphabet=string.printable, max_size=200))
def test_any_query_without_a_person_stays_as_it_is(query: str) -> None:
    names = [unquote_plus(pair.partition("=")[0]) for pair in query.partition("#")[0].split("&")]
    assume("@" not in unquote_plus(query) and not PERSONAL_KEYS.intersection(map(str.casefold, names)))

    assert hit(url=f"{PAGE}?{query}").text("url") == f"{PAGE}?{query}"


@pytest.mark.parametrize("name", ["event_id", "session_id", "click_id"])
def test_an_id_that_is_an_email_is_none(name: str) -> None:
    hit = read_hit({"public_key": "pk_1", "url": "https://a.example.com", name: "ana@example.com"})

    assert hit.text(name) == ""
