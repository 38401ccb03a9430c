"""What a customer's own server is posted: plain JSON, hashes only, signed so that anybody can verify it."""

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from apps.dispatch.facts import BrowserFacts, EventFacts
from apps.dispatch.http_gateway.payload import IDENTITY_NAMES, build_event, sign_request
from apps.dispatch.http_gateway.preflight import check_event, leave_out
from apps.dispatch.platform import Target
from tests.dispatch.facts import AGENT, ANY_BROWSER, ANY_FACTS, CLICK, KNOWN_BUYER, NOW, SALE, digest
from tests.gateway_receiver import SECRET, example, why_misshapen

TARGET = Target("https://shop.example.com/hubtrack", "", "loja-da-ana", "", SECRET)


def test_a_matched_sale_becomes_exactly_this_event() -> None:
    event = build_event(SALE, CLICK, NOW)

    assert event == {
        "event_id": "e" * 64,
        "event_name": "Purchase",
        "event_time": "2026-11-22T14:00:30.900Z",
        "order_id": "HP0000000001",
        "value": "149.90",
        "currency": "BRL",
        "product": {"ids": ["4711"], "name": "Curso de pão", "type": "product", "quantity": 1},
        "page_url": "https://curso.example.com/?utm_source=ig",
        "referrer_url": "https://instagram.example.com/",
        "identity": {"email_sha256": [digest("ana@example.com")], "phone_sha256": [digest("5511987654321")]},
        "browser": {
            "ip": "203.0.113.7",
            "user_agent": AGENT,
            "fbc": "fb.1.1795350000000.IwAR2-Ana",
            "fbp": "fb.2.1795350000000.1098115397",
            "fbclid": "IwAR2-Ana",
            "ttclid": "E.C.P.ana",
            "clicked_at": "2026-11-22T13:30:00.123Z",
        },
    }
    assert check_event(event, NOW) == []


def test_an_unmatched_sale_has_no_browser_and_the_funnels_page() -> None:
    event = build_event(replace(SALE, referrer=None), None, NOW)

    assert not {"browser", "referrer_url"} & event.keys()
    assert event["page_url"] == "https://curso.example.com/"
    assert check_event(event, NOW) == []


def test_what_is_unknown_is_absent() -> None:
    bare = replace(
        SALE,
        value=None,
        currency=None,
        order_id=None,
        product_ids=[],
        product_name="",
        identity={"em": []},
        referrer=None,
        event_name="PageView",
        fallback_url="",
    )
    silent = replace(
        CLICK, ip=None, user_agent="", fbc=None, fbp=None, fbclid=None, ttclid=None, page_url=None, identity={}
    )

    event = build_event(bare, silent, NOW)

    assert sorted(event) == ["event_id", "event_name", "event_time"]
    assert check_event(event, NOW) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("149.900", "149.90"),
        ("0", "0.00"),
        ("10", "10.00"),
        ("19.995", "19.995"),
        ("1E+3", "1000.00"),
        ("0.0050", "0.0050"),
        ("99999999999999.99", "99999999999999.99"),
    ],
)
def test_money_is_decimal_text_to_the_last_place(value: str, text: str) -> None:
    assert build_event(replace(SALE, value=Decimal(value)), None, NOW)["value"] == text


def test_a_moment_is_written_in_utc_and_never_lies_ahead() -> None:
    local = SALE.event_time.astimezone(timezone(timedelta(hours=-3)))
    ahead = NOW + timedelta(minutes=9)

    times = [build_event(replace(SALE, event_time=at), None, NOW)["event_time"] for at in (local, ahead)]

    assert times == ["2026-11-22T14:00:30.900Z", "2026-11-22T15:00:00.000Z"]


def test_everything_hashed_of_a_person_has_a_plain_name() -> None:
    identity = build_event(KNOWN_BUYER, None, NOW)["identity"]

    assert sorted(identity) == sorted(IDENTITY_NAMES.values())
    assert identity["email_sha256"] == [digest("ana@example.com")]
    assert identity["phone_sha256"] == [digest("5511987654321")]
    assert identity["phone_e164_sha256"] == [digest("+5511987654321")]


def test_the_other_form_of_a_phone_stays_home() -> None:
    identity = {"ph_other": ["c" * 64], "client_ip_address": ["10.0.0.8"]}

    event = build_event(replace(SALE, identity=identity), replace(CLICK, identity=identity), NOW)

    assert "identity" not in event


def test_the_visitor_adds_what_the_sale_lacks_and_repeats_nothing() -> None:
    sale = replace(SALE, identity={"em": ["a" * 64, "b" * 64]})
    click = replace(CLICK, identity={"em": ["d" * 64, "a" * 64], "fn": ["f" * 64]})

    assert build_event(sale, click, NOW)["identity"] == {
        "email_sha256": ["a" * 64, "b" * 64, "d" * 64],
        "first_name_sha256": ["f" * 64],
    }


@pytest.mark.parametrize(("fbclid", "ttclid", "told"), [("x", None, True), (None, "x", True), (None, None, False)])
def test_the_time_of_a_click_is_told_where_there_was_one(fbclid: str | None, ttclid: str | None, told: bool) -> None:
    browser = build_event(SALE, replace(CLICK, fbclid=fbclid, ttclid=ttclid), NOW)["browser"]

    assert ("clicked_at" in browser) is told


@pytest.mark.parametrize(("num_items", "told"), [(None, 2), (5, 5)])
def test_the_number_of_items_is_the_pages_or_the_orders(num_items: int | None, told: int) -> None:
    event = build_event(replace(SALE, quantity=2, num_items=num_items), None, NOW)

    assert event["product"]["quantity"] == told


def broken(**changes: Any) -> dict[str, Any]:
    return {**build_event(SALE, CLICK, NOW), **changes}


@pytest.mark.parametrize(
    ("event", "code", "path", "repair"),
    [
        (broken(event_id=""), "missing_key", "event_id", ""),
        (broken(event_name=None), "missing_key", "event_name", ""),
        (broken(event_time=""), "missing_key", "event_time", ""),
        (broken(event_time="yesterday"), "bad_value", "event_time", ""),
        (broken(event_time=1795356030), "bad_value", "event_time", ""),
        (broken(event_time="2026-11-22T14:00:30"), "bad_value", "event_time", ""),
        (broken(event_time="2026-11-15T14:59:59.999Z"), "too_old", "event_time", ""),
        (broken(event_time="2026-11-22T15:00:00.001Z"), "in_future", "event_time", ""),
        (broken(value=149.9), "bad_value", "value", ""),
        (broken(value="NaN"), "bad_value", "value", ""),
        (broken(value="1e3"), "bad_value", "value", ""),
        (broken(identity=[]), "bad_value", "identity", ""),
        (broken(identity={"email": ["a" * 64]}), "unknown_key", "identity.email", "email"),
        *(
            (broken(identity={"email_sha256": value}), "not_hashed", "identity.email_sha256", "email_sha256")
            for value in (["ana@example.com"], "a" * 64, ["A" * 64], ["a" * 63], [7], None)
        ),
    ],
)
def test_what_may_not_go_out_is_named(event: dict[str, Any], code: str, path: str, repair: str) -> None:
    (problem,) = check_event(event, NOW)

    assert (problem.code, problem.path, problem.repair) == (code, path, repair)
    assert problem.sentence.endswith(".")


def test_an_event_at_the_very_ends_of_its_time_goes_out() -> None:
    times = ("2026-11-15T15:00:00.000Z", "2026-11-22T15:00:00.000Z")

    assert [check_event(broken(event_time=at), NOW) for at in times] == [[], []]


def test_every_problem_is_listed() -> None:
    event = broken(event_id="", value=1, identity={"email_sha256": ["ana@example.com"]})

    assert [problem.path for problem in check_event(event, NOW)] == ["event_id", "value", "identity.email_sha256"]


def test_a_member_that_is_left_out_leaves_the_rest_and_the_original_alone() -> None:
    event = broken(identity={"email_sha256": ["ana@example.com"], "phone_sha256": ["a" * 64]})

    healed = leave_out(leave_out(event, "email_sha256"), "ttclid")

    assert check_event(healed, NOW) == []
    assert healed == {
        **event,
        "identity": {"phone_sha256": ["a" * 64]},
        "browser": {name: value for name, value in event["browser"].items() if name != "ttclid"},
    }
    assert "email_sha256" in event["identity"]


def test_the_batch_says_what_it_is_and_is_signed_to_the_byte() -> None:
    events = [build_event(SALE, CLICK, NOW), build_event(replace(SALE, event_id="f" * 64), None, NOW)]

    request = sign_request(TARGET, events, NOW)

    message = json.loads(request.body)
    expected = hmac.new(SECRET.encode(), b"1795359600." + request.body, hashlib.sha256).hexdigest()
    assert message == {
        "hubtrack": 1,
        "destination": "loja-da-ana",
        "sent_at": "2026-11-22T15:00:00.000Z",
        "events": events,
    }
    assert request.headers["X-Hubtrack-Signature"] == f"t=1795359600,v1={expected}"
    assert why_misshapen(message) == ""


def test_a_test_code_travels_with_the_batch() -> None:
    message = json.loads(sign_request(replace(TARGET, test_event_code="TEST1"), [broken()], NOW).body)

    assert message["test_event_code"] == "TEST1"
    assert why_misshapen(message) == ""


def test_the_same_events_are_the_same_batch_whenever_they_are_sent() -> None:
    events = [broken(), broken(event_id="f" * 64)]
    names = [
        sign_request(target, sent, at).headers["X-Hubtrack-Batch"]
        for target, sent, at in [
            (TARGET, events, NOW),
            (replace(TARGET, token="another"), events, NOW + timedelta(hours=1)),
            (TARGET, events[:1], NOW),
            (TARGET, [broken(value="1.00"), events[1]], NOW),
            (replace(TARGET, pixel_id="outra"), events, NOW),
        ]
    ]

    assert names[0] == names[1]
    assert len(set(names)) == 4
    assert all(len(name) == 32 and name.isalnum() for name in names)


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_the_example_takes_a_signature_of_the_last_five_minutes(seconds: int) -> None:
    request = sign_request(TARGET, [broken()], NOW)
    signature = request.headers["X-Hubtrack-Signature"]

    assert example.is_authentic(SECRET, signature, request.body, NOW.timestamp() + seconds)


@pytest.mark.parametrize(
    ("secret", "changed", "late_s"),
    [
        ("another", ("t=", "t="), 0),
        (SECRET, ("t=", "t="), 301),
        (SECRET, ("t=", "t="), -301),
        (SECRET, ("t=1795359600", "t=1795359601"), 0),
        (SECRET, ("t=1795359600", "t=x"), 0),
        (SECRET, ("v1=", "v0="), 0),
        (SECRET, ("v1=", "v1=\xe9"), 0),
        (SECRET, (",", ";"), 0),
    ],
)
def test_the_example_refuses_what_is_forged_or_stale(secret: str, changed: tuple[str, str], late_s: int) -> None:
    request = sign_request(TARGET, [broken()], NOW)
    signature = request.headers["X-Hubtrack-Signature"].replace(*changed)

    assert example.is_authentic(secret, signature, request.body, NOW.timestamp() + late_s) is False


def test_the_example_refuses_another_body_and_no_signature() -> None:
    request = sign_request(TARGET, [broken()], NOW)

    assert not example.is_authentic(
        SECRET, request.headers["X-Hubtrack-Signature"], request.body + b" ", NOW.timestamp()
    )
    assert not example.is_authentic(SECRET, "", request.body, NOW.timestamp())


@given(facts=ANY_FACTS, browser=ANY_BROWSER)
def test_whatever_is_known_goes_out_as_documented(facts: EventFacts, browser: BrowserFacts | None) -> None:
    event = build_event(facts, browser, NOW)

    request = sign_request(TARGET, [event], NOW)

    assert check_event(event, NOW) == []
    assert why_misshapen(json.loads(request.body)) == ""
    assert json.loads(request.body)["events"] == [event]
    assert example.is_authentic(SECRET, request.headers["X-Hubtrack-Signature"], request.body, NOW.timestamp())
