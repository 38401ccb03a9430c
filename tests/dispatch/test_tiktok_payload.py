"""The event that TikTok receives for a sale or for what happened on a page."""

import json
import re
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.identity import Person, hash_person
from apps.dispatch.facts import BrowserFacts, EventFacts
from apps.dispatch.platform import Problem
from apps.dispatch.registry import PLATFORMS
from apps.dispatch.tiktok.payload import build_web_event
from apps.dispatch.tiktok.preflight import check_event
from apps.sandbox.tiktok.validation import TrackCall, examine_track
from tests.dispatch import tiktok_cases
from tests.dispatch.tiktok_cases import AGENT, CLICK, EMAIL, NOW, PHONE, SALE, TTCLID, digest


def user_of(sale: EventFacts, click: BrowserFacts | None) -> dict[str, Any]:
    found = build_web_event(sale, click, NOW)["user"]
    assert isinstance(found, dict)
    return found


def properties_of(sale: EventFacts) -> dict[str, Any]:
    found = build_web_event(sale, None, NOW)["properties"]
    assert isinstance(found, dict)
    return found


def test_a_matched_sale_becomes_exactly_this_event() -> None:
    event = build_web_event(SALE, CLICK, NOW)

    assert event == {
        "event": "Purchase",
        "event_time": 1_795_356_030,
        "event_id": "e" * 64,
        "user": {
            "email": [EMAIL],
            "phone": [PHONE],
            "ttclid": TTCLID,
            "ip": "203.0.113.7",
            "user_agent": AGENT,
        },
        "properties": {
            "value": 149.9,
            "currency": "BRL",
            "order_id": "HP0000000001",
            "contents": [{"content_id": "4711", "content_name": "Curso de pão", "quantity": 1, "price": 149.9}],
            "content_type": "product",
        },
        "page": {"url": "https://curso.example.com/?utm_source=tiktok", "referrer": "https://tiktok.example.com/"},
    }
    assert check_event(event, NOW) == []
    assert json.loads(json.dumps(event)) == event


def test_an_unmatched_sale_has_nothing_of_a_browser() -> None:
    event = build_web_event(replace(SALE, referrer=None), None, NOW)

    assert event["user"] == {"email": [EMAIL], "phone": [PHONE]}
    assert event["page"] == {"url": "https://curso.example.com/"}
    assert check_event(event, NOW) == []


def test_the_phone_is_the_hash_of_the_number_with_its_plus() -> None:
    identity = hash_person(Person(email="Ana@Example.com", phone="(11) 98765-4321", external_id="Buyer 7"))

    found = user_of(replace(SALE, identity=identity), None)

    assert found == {"email": [EMAIL], "phone": [digest("+5511987654321")], "external_id": [digest("buyer7")]}


def test_a_phone_that_came_hashed_by_metas_rules_is_not_sent() -> None:
    identity = hash_person(Person(email="ana@example.com", phone=digest("5511987654321")))

    assert user_of(replace(SALE, identity=identity), None) == {"email": [EMAIL]}


def test_what_must_stay_readable_is_never_a_digest() -> None:
    found = user_of(SALE, CLICK)

    plain = {key: found[key] for key in ("ttclid", "ip", "user_agent")}
    assert [key for key, value in plain.items() if re.search(r"[0-9a-f]{64}", str(value))] == []


def test_nothing_of_metas_is_told() -> None:
    told = json.dumps(build_web_event(SALE, CLICK, NOW))

    assert [word for word in ("fb.1", "fb.2", "IwAR2", "0" * 64, "1" * 64) if word in told] == []


def test_the_click_adds_what_the_sale_lacks_and_repeats_nothing() -> None:
    sale = replace(SALE, identity={"em": ["a" * 64, "b" * 64], "external_id": []})
    click = replace(CLICK, identity={"em": ["d" * 64, "a" * 64], "ph_e164": ["f" * 64]})

    found = user_of(sale, click)

    assert found["email"] == ["a" * 64, "b" * 64, "d" * 64]
    assert found["phone"] == ["f" * 64]
    assert "external_id" not in found


@pytest.mark.parametrize("name", ["Purchase", "Lead", "InitiateCheckout", "Subscribe", "PageView", "Compra na Black"])
def test_a_name_goes_out_as_the_funnel_chose_it(name: str) -> None:
    assert build_web_event(replace(SALE, event_name=name), None, NOW)["event"] == name


def test_an_event_of_the_future_happens_now() -> None:
    event = build_web_event(replace(SALE, event_time=NOW + timedelta(minutes=9)), CLICK, NOW)

    assert event["event_time"] == int(NOW.timestamp())
    assert check_event(event, NOW) == []


def test_the_time_of_a_sale_is_the_same_moment_in_any_zone() -> None:
    local = SALE.event_time.astimezone(tz=datetime.strptime("-0300", "%z").tzinfo)

    assert build_web_event(replace(SALE, event_time=local), CLICK, NOW)["event_time"] == 1_795_356_030


@pytest.mark.parametrize("ttclid", [None, "", "with a blank", "ação", "line\nbreak", "a" * 64])
def test_what_cannot_be_a_click_id_is_left_out(ttclid: str | None) -> None:
    assert "ttclid" not in user_of(SALE, replace(CLICK, ttclid=ttclid))


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
    assert user_of(SALE, replace(CLICK, ip=stored))["ip"] == sent


@pytest.mark.parametrize(
    "ip",
    [
        *(None, "", "unknown", "203.0.113.7, 10.0.0.8", "a" * 64),
        *("10.0.0.8", "127.0.0.1", "192.168.1.9", "172.20.0.1", "100.64.0.1", "169.254.0.1", "0.0.0.0", "239.1.1.1"),
        *("::1", "::", "fd00::8", "fe80::1", "ff02::1", "::ffff:10.0.0.8"),
    ],
)
def test_what_is_no_public_address_is_left_out(ip: str | None) -> None:
    assert "ip" not in user_of(SALE, replace(CLICK, ip=ip))


@pytest.mark.parametrize("page_url", [None, ""])
def test_a_click_without_a_page_falls_back_to_the_funnels(page_url: str | None) -> None:
    page = build_web_event(SALE, replace(CLICK, page_url=page_url), NOW)["page"]

    assert page == {"url": "https://curso.example.com/", "referrer": "https://tiktok.example.com/"}


@pytest.mark.parametrize(
    ("value", "text"),
    [("149.90", "149.9"), ("0", "0.0"), ("10", "10.0"), ("19.995", "20.0"), ("1234567.891", "1234567.89")],
)
def test_money_is_a_number_in_cents(value: str, text: str) -> None:
    assert json.dumps(properties_of(replace(SALE, value=Decimal(value)))["value"]) == text


def test_a_currency_is_in_capitals() -> None:
    assert properties_of(replace(SALE, currency="brl"))["currency"] == "BRL"


@pytest.mark.parametrize(("value", "currency"), [(Decimal("9.90"), None), (Decimal("9.90"), ""), (None, "BRL")])
def test_half_of_a_price_is_not_told(value: Decimal | None, currency: str | None) -> None:
    found = properties_of(replace(SALE, value=value, currency=currency))

    assert not {"value", "currency"} & found.keys()


def test_of_several_products_each_is_named_by_its_id() -> None:
    found = properties_of(replace(SALE, product_ids=["1", "2"], content_type="product_group", num_items=2))

    assert found["contents"] == [{"content_id": "1", "quantity": 1}, {"content_id": "2", "quantity": 1}]
    assert (found["content_type"], found["num_items"]) == ("product_group", 2)


def test_the_price_is_that_of_one_piece() -> None:
    [content] = properties_of(replace(SALE, value=Decimal("100"), quantity=3))["contents"]

    assert (content["quantity"], content["price"]) == (3, 33.33)


def test_what_is_unknown_of_an_order_is_left_out() -> None:
    sale = replace(SALE, value=None, currency=None, product_ids=[], product_name="", order_id=None, event_name="Lead")

    assert "properties" not in build_web_event(sale, None, NOW)


def examine(event: dict[str, object]) -> Any:
    body = {"event_source": "web", "event_source_id": "C4D2", "data": [event]}
    call = TrackCall(
        version="v1.3",
        token="token-of-ana",
        content_type="application/json",
        body=json.dumps(body).encode(),
        received_at=NOW,
    )
    return examine_track(call)


@given(sale=tiktok_cases.facts, browser=st.none() | tiktok_cases.browsers)
def test_whatever_the_hub_knows_of_a_sale_becomes_an_event_that_is_taken(
    sale: EventFacts, browser: BrowserFacts | None
) -> None:
    event = build_web_event(sale, browser, NOW)

    assert check_event(event, NOW) == []
    assert examine(event).refusal is None


@given(event=tiktok_cases.spoilt_events)
def test_what_passes_the_preflight_is_taken(event: dict[str, Any]) -> None:
    problems = check_event(event, NOW)

    assert problems or examine(event).refusal is None


@given(event=tiktok_cases.spoilt_events)
def test_a_repair_heals_its_problem_and_makes_no_other(event: dict[str, Any]) -> None:
    problems = check_event(event, NOW)
    repaired = event
    for repair in {problem.repair for problem in problems} - {""}:
        repaired = PLATFORMS["tiktok"].leave_out(repaired, repair)

    left: list[Problem] = [problem for problem in problems if not problem.repair]
    assert list(check_event(repaired, NOW)) == left
