"""What is found wrong with an event before TikTok can refuse it."""

import copy
import hashlib
from datetime import timedelta
from typing import Any

import pytest

from apps.dispatch.platform import Problem
from apps.dispatch.registry import PLATFORMS
from apps.dispatch.tiktok.preflight import ProblemCode, check_event
from tests.dispatch.tiktok_cases import AGENT, EMAIL, GONE, GOOD, NOW, PHONE, TTCLID, changed

DIGEST_OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def found(event: dict[str, Any]) -> list[tuple[str, str]]:
    return [(problem.code, problem.path) for problem in check_event(event, NOW)]


def test_a_good_event_has_no_problem() -> None:
    assert check_event(GOOD, NOW) == []


@pytest.mark.parametrize("key", ["event", "event_time", "event_id"])
@pytest.mark.parametrize("value", [GONE, None, ""])
def test_what_every_event_needs(key: str, value: object) -> None:
    assert found(changed(key, value)) == [("missing_key", key)]


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("event", 7, "bad_value"),
        ("event_id", 7, "bad_value"),
        ("event_time", "1795356030", "bad_value"),
        ("event_time", 1795356030.5, "bad_value"),
        ("event_time", True, "bad_value"),
        ("user", [EMAIL], "bad_value"),
        ("properties", "149.90 BRL", "bad_value"),
        ("page.url", GONE, "missing_key"),
        ("page.url", "", "missing_key"),
        ("page.url", "javascript:alert(1)", "bad_value"),
        ("page.url", ["https://curso.example.com/"], "bad_value"),
        ("page.referrer", 5, "bad_value"),
        ("user.email", ["ana@example.com"], "not_hashed"),
        ("user.email", "ana@example.com", "not_hashed"),
        ("user.email", [EMAIL, ""], "not_hashed"),
        ("user.email", [], "not_hashed"),
        ("user.email", None, "not_hashed"),
        ("user.phone", "+5511987654321", "not_hashed"),
        ("user.phone", [hashlib.md5(b"x").hexdigest()], "not_hashed"),
        ("user.external_id", "buyer-7", "not_hashed"),
        ("user.external_id", 7, "not_hashed"),
        ("user.phone", [DIGEST_OF_NOTHING], "empty_hashed"),
        ("user.ip", EMAIL, "hashed_plain_key"),
        ("user.user_agent", EMAIL, "hashed_plain_key"),
        ("user.user_agent", 7, "bad_value"),
        ("user.ip", "203.0.113.256", "malformed_ip"),
        ("user.ip", "", "malformed_ip"),
        ("user.ttclid", "", "malformed_ttclid"),
        ("user.ttclid", "E.C. P", "malformed_ttclid"),
        ("user.ttclid", EMAIL, "malformed_ttclid"),
        ("user.ttclid", 5, "bad_value"),
        ("properties.currency", "brl", "bad_currency"),
        ("properties.currency", "R$", "bad_currency"),
        ("properties.currency", "BRLL", "bad_currency"),
        ("properties.currency", 986, "bad_currency"),
        ("properties.value", "149.90", "bad_number"),
        ("properties.value", None, "bad_number"),
        ("properties.value", True, "bad_number"),
        ("properties.value", -1, "bad_number"),
        ("properties.value", float("nan"), "bad_number"),
        ("properties.value", float("inf"), "bad_number"),
        ("properties.order_id", 5, "bad_value"),
        ("properties.content_type", 5, "bad_value"),
        ("properties.num_items", 1.5, "bad_value"),
        ("properties.contents", {"content_id": "1"}, "bad_value"),
        ("properties.contents", ["4711"], "bad_value"),
    ],
)
def test_one_thing_wrong_is_one_problem(path: str, value: object, code: str) -> None:
    assert found(changed(path, value)) == [(code, path)]


@pytest.mark.parametrize(
    ("item", "code", "key"),
    [
        ({"price": "9.90"}, "bad_number", "price"),
        ({"quantity": "1"}, "bad_value", "quantity"),
        ({"content_id": 4711}, "bad_value", "content_id"),
        ({"content_name": ["Curso"]}, "bad_value", "content_name"),
    ],
)
def test_a_fault_in_a_product_is_named_with_its_place(item: dict[str, object], code: str, key: str) -> None:
    event = changed("properties.contents", [{"content_id": "1"}, item])

    assert found(event) == [(code, f"properties.contents[1].{key}")]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("user", {}),
        ("user", GONE),
        ("user.email", EMAIL),
        ("user.email", [EMAIL.upper(), PHONE]),
        ("user.ip", "2001:db8::7"),
        ("user.ttp", "2fVxyz"),
        ("properties", GONE),
        ("properties.value", 0),
        ("properties.value", GONE),
        ("properties.currency", "USD"),
        ("properties.contents", []),
        ("page.referrer", GONE),
        ("limited_data_use", True),
        ("event", "PageView"),
    ],
)
def test_what_tiktok_takes_is_let_through(path: str, value: object) -> None:
    assert found(changed(path, value)) == []


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(days=7, seconds=1), [("too_old", "event_time")]),
        (timedelta(days=7), []),
        (timedelta(0), []),
        (timedelta(seconds=-1), [("in_future", "event_time")]),
    ],
)
def test_the_window_is_seven_days_and_no_future(age: timedelta, expected: list[tuple[str, str]]) -> None:
    assert found(changed("event_time", int((NOW - age).timestamp()))) == expected


def test_milliseconds_are_a_time_in_the_future() -> None:
    assert found(changed("event_time", int(NOW.timestamp()) * 1000)) == [("in_future", "event_time")]


@pytest.mark.parametrize(
    ("key", "value"), [("ttclid", "E.C. P"), ("ip", "unknown"), ("user_agent", EMAIL), ("ttp", 5), ("locale", EMAIL)]
)
def test_what_only_helps_to_find_a_person_can_be_left_out(key: str, value: object) -> None:
    event = changed(f"user.{key}", value)
    before = copy.deepcopy(event)

    [problem] = check_event(event, NOW)
    repaired = PLATFORMS["tiktok"].leave_out(event, problem.repair)

    assert problem.repair == key
    assert repaired["user"] == {name: known for name, known in before["user"].items() if name != key}
    assert check_event(repaired, NOW) == []
    assert event == before


@pytest.mark.parametrize(("path", "value"), [("user.email", "ana"), ("page.url", ""), ("properties.value", "9")])
def test_nothing_else_is_repaired(path: str, value: object) -> None:
    assert [problem.repair for problem in check_event(changed(path, value), NOW)] == [""]


def test_leaving_out_what_is_not_there_changes_nothing() -> None:
    assert PLATFORMS["tiktok"].leave_out(changed("user.ttclid", GONE), "ttclid") == changed("user.ttclid", GONE)
    assert TTCLID not in str(PLATFORMS["tiktok"].leave_out(GOOD, "ttclid"))
    assert AGENT in str(PLATFORMS["tiktok"].leave_out(GOOD, "ttclid"))


def test_all_problems_are_told_at_once_with_a_sentence_each() -> None:
    event = {"event": "Purchase", "user": {"email": "x", "ip": "y"}, "properties": {"currency": "real"}}

    problems = check_event(event, NOW)

    assert [problem.path for problem in problems] == [
        *("event_time", "event_id", "page.url", "user.email", "user.ip", "properties.currency"),
    ]
    assert [problem.sentence for problem in problems if not problem.sentence.endswith(".")] == []
    assert problems[0] == Problem(ProblemCode.MISSING_KEY, "event_time", "Every event needs event_time.")


def test_no_sentence_repeats_what_a_person_typed() -> None:
    problems = check_event(changed("user.email", ["ana@example.com"]), NOW)

    assert [problem for problem in problems if "ana" in repr(problem)] == []
    assert len(problems) == 1
