"""The server event that Meta receives for a sale."""

import hashlib
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from apps.dispatch.facts import BrowserFacts, EventFacts
from apps.dispatch.meta.payload import build_server_event
from apps.dispatch.meta.preflight import check_event

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
CLICKED = datetime(2026, 11, 22, 13, 30, 0, 123_999, tzinfo=UTC)
CLICKED_MS = 1_795_354_200_123
AGENT = "Mozilla/5.0 (Linux; Android 15) Chrome/142.0"
FBCLID = "IwAR2-Ana_XyZ" + "q" * 200


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


CLICK = BrowserFacts(
    ip="203.0.113.7",
    user_agent=AGENT,
    fbc=f"fb.1.1795350000000.{FBCLID}",
    fbp="fb.2.1795350000000.1098115397",
    fbclid=FBCLID,
    page_url="https://curso.example.com/?utm_source=ig",
    clicked_at=CLICKED,
    identity={},
)
SALE = EventFacts(
    event_id="e" * 64,
    event_name="Purchase",
    event_time=datetime(2026, 11, 22, 14, 0, 30, 900_000, tzinfo=UTC),
    value=Decimal("149.90"),
    currency="BRL",
    order_id="HP0000000001",
    product_ids=["4711"],
    product_name="Curso de pão",
    quantity=1,
    identity={"em": [digest("ana@example.com")], "ph": [digest("5511987654321")]},
    fallback_url="https://curso.example.com/",
    referrer="https://instagram.example.com/",
)


def user_data(sale: EventFacts, click: BrowserFacts | None) -> dict[str, object]:
    found = build_server_event(sale, click, NOW)["user_data"]
    assert isinstance(found, dict)
    return found


def custom_data(sale: EventFacts) -> dict[str, object]:
    found = build_server_event(sale, None, NOW)["custom_data"]
    assert isinstance(found, dict)
    return found


def test_a_matched_sale_becomes_exactly_this_event() -> None:
    event = build_server_event(SALE, CLICK, NOW)

    assert event == {
        "event_name": "Purchase",
        "event_time": 1_795_356_030,
        "event_id": "e" * 64,
        "action_source": "website",
        "event_source_url": "https://curso.example.com/?utm_source=ig",
        "referrer_url": "https://instagram.example.com/",
        "user_data": {
            "em": [digest("ana@example.com")],
            "ph": [digest("5511987654321")],
            "client_ip_address": "203.0.113.7",
            "client_user_agent": AGENT,
            "fbc": f"fb.1.1795350000000.{FBCLID}",
            "fbp": "fb.2.1795350000000.1098115397",
        },
        "custom_data": {
            "value": 149.9,
            "currency": "BRL",
            "order_id": "HP0000000001",
            "content_name": "Curso de pão",
            "content_ids": ["4711"],
            "contents": [{"id": "4711", "quantity": 1}],
            "content_type": "product",
        },
    }
    assert check_event(event, NOW) == []


def test_an_unmatched_sale_has_nothing_of_a_browser() -> None:
    event = build_server_event(replace(SALE, referrer=None), None, NOW)

    assert event["user_data"] == {"em": [digest("ana@example.com")], "ph": [digest("5511987654321")]}
    assert event["event_source_url"] == "https://curso.example.com/"
    assert "referrer_url" not in event
    assert check_event(event, NOW) == []


def test_the_event_is_plain_json() -> None:
    event = build_server_event(SALE, CLICK, NOW)

    assert json.loads(json.dumps(event)) == event


def test_what_must_stay_readable_is_never_a_digest() -> None:
    found = user_data(SALE, CLICK)

    plain = {key: found[key] for key in ("client_ip_address", "client_user_agent", "fbc", "fbp")}
    assert [key for key, value in plain.items() if re.search(r"[0-9a-f]{64}", str(value))] == []


def test_an_event_of_the_future_happens_now() -> None:
    event = build_server_event(replace(SALE, event_time=NOW + timedelta(minutes=9)), CLICK, NOW)

    assert event["event_time"] == int(NOW.timestamp())
    assert check_event(event, NOW) == []


def test_the_time_of_a_sale_is_the_same_moment_in_any_zone() -> None:
    local = SALE.event_time.astimezone(tz=datetime.strptime("-0300", "%z").tzinfo)

    assert build_server_event(replace(SALE, event_time=local), CLICK, NOW)["event_time"] == 1_795_356_030


def test_the_click_adds_what_the_sale_lacks_and_repeats_nothing() -> None:
    sale = replace(SALE, identity={"em": ["a" * 64, "b" * 64], "fn": ["c" * 64], "ct": []})
    click = replace(CLICK, identity={"em": ["d" * 64, "a" * 64], "ph": ["f" * 64]})

    found = user_data(sale, click)

    assert found["em"] == ["a" * 64, "b" * 64, "d" * 64]
    assert (found["fn"], found["ph"]) == (["c" * 64], ["f" * 64])
    assert "ct" not in found


def test_identity_of_other_platforms_stays_home() -> None:
    own = {"ph_e164": ["b" * 64], "ph_other": ["c" * 64]}
    sale = replace(SALE, identity={"em": ["a" * 64], "client_ip_address": ["10.0.0.8"], **own})
    click = replace(CLICK, identity=own, ip=None)

    assert user_data(sale, None) == {"em": ["a" * 64]}
    assert set(user_data(sale, click)) == {"em", "client_user_agent", "fbc", "fbp"}


@pytest.mark.parametrize(
    "cookie",
    [
        f"fb.1.1795350000000.{FBCLID}",
        "fb.0.1795350000000.AbC",
        "fb.2.1795350000000.AbC.AQICAQMC",
        "fb.2.1795350000000.AbC.Bg",
    ],
)
def test_a_valid_fbc_cookie_is_passed_on_as_it_is(cookie: str) -> None:
    assert user_data(SALE, replace(CLICK, fbc=cookie, fbclid="another"))["fbc"] == cookie


@pytest.mark.parametrize(
    "cookie",
    [
        None,
        "",
        "fb.1.1795350000000.",
        "fb.1.1795350000.AbC",
        "fb.x.1795350000000.AbC",
        "FB.1.1795350000000.AbC",
        "fb.1.1795350000000.Ab C",
        "fb.1.1795350000000.AbC.toolongmark",
        "fb.1.1795350000000.AbC\n",
        "a" * 64,
    ],
)
def test_without_a_valid_cookie_fbc_is_built_at_the_time_of_the_click(cookie: str | None) -> None:
    assert user_data(SALE, replace(CLICK, fbc=cookie))["fbc"] == f"fb.1.{CLICKED_MS}.{FBCLID}"


@pytest.mark.parametrize("fbclid", [None, "", "Ab C", "a.b.c"])
def test_without_a_usable_fbclid_there_is_no_fbc(fbclid: str | None) -> None:
    assert "fbc" not in user_data(SALE, replace(CLICK, fbc=None, fbclid=fbclid))


@pytest.mark.parametrize("fbp", [None, "", "1098115397", "fb.1.17953500.1098115397", "a" * 64])
def test_an_fbp_is_never_invented(fbp: str | None) -> None:
    assert "fbp" not in user_data(SALE, replace(CLICK, fbp=fbp))


@pytest.mark.parametrize(
    ("stored", "sent"),
    [
        ("203.0.113.7", "203.0.113.7"),
        (" 203.0.113.7 ", "203.0.113.7"),
        ("2001:DB8::7", "2001:db8::7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
    ],
)
def test_the_address_of_the_click_is_sent_in_its_plain_form(stored: str, sent: str) -> None:
    assert user_data(SALE, replace(CLICK, ip=stored))["client_ip_address"] == sent


@pytest.mark.parametrize("ip", [None, "", "unknown", "203.0.113.7, 10.0.0.8", "a" * 64])
def test_what_is_no_address_is_left_out(ip: str | None) -> None:
    assert "client_ip_address" not in user_data(SALE, replace(CLICK, ip=ip))


@pytest.mark.parametrize("page_url", [None, ""])
def test_a_click_without_a_page_falls_back_to_the_funnels(page_url: str | None) -> None:
    event = build_server_event(SALE, replace(CLICK, page_url=page_url), NOW)

    assert event["event_source_url"] == "https://curso.example.com/"


@pytest.mark.parametrize(
    ("value", "text"),
    [("149.90", "149.9"), ("0", "0.0"), ("10", "10.0"), ("19.995", "20.0"), ("1234567.891", "1234567.89")],
)
def test_money_is_a_number_in_cents(value: str, text: str) -> None:
    assert json.dumps(custom_data(replace(SALE, value=Decimal(value)))["value"]) == text


def test_what_is_unknown_of_an_order_is_left_out() -> None:
    sale = replace(SALE, value=None, currency=None, product_ids=[], product_name="", event_name="Lead")

    assert custom_data(sale) == {"order_id": "HP0000000001"}
