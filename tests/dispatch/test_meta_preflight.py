"""What is found wrong with an event before Meta can refuse it."""

import copy
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.dispatch.meta.preflight import ProblemCode, check_event
from apps.dispatch.platform import Problem

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
DIGEST = hashlib.sha256(b"ana@example.com").hexdigest()
DIGEST_OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
GOOD: dict[str, Any] = {
    "event_name": "Purchase",
    "event_time": int(NOW.timestamp()) - 60,
    "event_id": "e" * 64,
    "action_source": "website",
    "event_source_url": "https://curso.example.com/",
    "user_data": {"em": [DIGEST], "client_user_agent": "Mozilla/5.0", "fbc": "fb.1.1795350000000.IwAR"},
    "custom_data": {"value": 149.9, "currency": "BRL", "order_id": "HP1", "campaign": "natal"},
}
GONE = object()


def changed(path: str, value: object) -> dict[str, Any]:
    """A good event with one thing made different, or taken away by GONE."""
    event = copy.deepcopy(GOOD)
    *sections, key = path.split(".")
    holder = event[sections[0]] if sections else event
    if value is GONE:
        del holder[key]
    else:
        holder[key] = value
    return event


def found(event: dict[str, Any]) -> list[tuple[str, str]]:
    return [(str(problem.code), problem.path) for problem in check_event(event, NOW)]


def test_a_good_event_has_no_problem() -> None:
    assert check_event(GOOD, NOW) == []


@pytest.mark.parametrize("key", ["event_name", "event_time", "event_id", "action_source"])
@pytest.mark.parametrize("value", [GONE, None, ""])
def test_what_every_event_needs(key: str, value: object) -> None:
    assert found(changed(key, value)) == [("missing_key", key)]


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("event_source_url", GONE, "missing_key"),
        ("event_source_url", "", "missing_key"),
        ("event_source_url", "javascript:alert(1)", "bad_value"),
        ("action_source", "carrier_pigeon", "bad_value"),
        ("event_time", "1795356030", "bad_value"),
        ("event_time", 1795356030.5, "bad_value"),
        ("advertiser_tracking_enabled", 1, "unknown_key"),
        ("user_data.email", "x", "unknown_key"),
        ("user_data.ph_e164", [DIGEST], "unknown_key"),
        ("user_data.em", ["ana@example.com"], "not_hashed"),
        ("user_data.em", "ana@example.com", "not_hashed"),
        ("user_data.em", [DIGEST, ""], "not_hashed"),
        ("user_data.em", [DIGEST.upper()], "not_hashed"),
        ("user_data.em", [], "not_hashed"),
        ("user_data.ph", [hashlib.md5(b"x").hexdigest()], "not_hashed"),
        ("user_data.external_id", "buyer-7", "not_hashed"),
        ("user_data.ct", [DIGEST_OF_NOTHING], "empty_hashed"),
        ("user_data.client_ip_address", DIGEST, "hashed_plain_key"),
        ("user_data.client_user_agent", DIGEST, "hashed_plain_key"),
        ("user_data.fbc", "", "malformed_fbc"),
        ("user_data.fbc", "fb.1.1795350000000.", "malformed_fbc"),
        ("user_data.fbp", "1098115397", "malformed_fbp"),
        ("custom_data.value", GONE, "no_value"),
        ("custom_data.value", None, "no_value"),
        ("custom_data.value", "149.90", "no_value"),
        ("custom_data.value", True, "no_value"),
        ("custom_data.value", -1, "no_value"),
        ("custom_data.currency", GONE, "no_currency"),
        ("custom_data.currency", "R$", "no_currency"),
        ("custom_data.currency", "BRLL", "no_currency"),
    ],
)
def test_one_thing_wrong_is_one_problem(path: str, value: object, code: str) -> None:
    problems = found(changed(path, value))

    assert [problem for problem in problems if problem[0] != "too_little_identity"] == [(code, path)]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("user_data.em", DIGEST),
        ("user_data.external_id", [DIGEST, "f" * 64]),
        ("user_data.client_ip_address", "2001:db8::7"),
        ("user_data.lead_id", 123456789),
        ("user_data.fbp", "fb.2.1795350000000.1098115397"),
        ("custom_data.value", 0),
        ("custom_data.currency", "brl"),
        ("custom_data", {"value": 1.5, "currency": "USD"}),
        ("referrer_url", "https://instagram.example.com/"),
        ("opt_out", True),
        ("data_processing_options", []),
        ("action_source", "system_generated"),
    ],
)
def test_what_meta_takes_is_let_through(path: str, value: object) -> None:
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


@pytest.mark.parametrize(
    "keys",
    [
        [],
        ["client_user_agent"],
        ["ct", "country", "st", "zp", "ge", "client_user_agent"],
        ["ct", "ge"],
        ["db", "client_user_agent"],
        ["fn", "ge"],
        ["ln"],
    ],
)
def test_too_little_to_find_a_person_by(keys: list[str]) -> None:
    user_data = {key: "Mozilla/5.0" if key == "client_user_agent" else [DIGEST] for key in keys}

    assert found(changed("user_data", user_data)) == [("too_little_identity", "user_data")]


@pytest.mark.parametrize(
    "keys",
    [["fn", "ln"], ["db", "ct"], ["fn", "client_user_agent"], ["ct", "zp", "fn"], ["em"], ["external_id"]],
)
def test_enough_to_find_a_person_by(keys: list[str]) -> None:
    user_data = {key: "Mozilla/5.0" if key == "client_user_agent" else [DIGEST] for key in keys}

    assert found(changed("user_data", user_data)) == []


def test_only_purchases_need_money() -> None:
    lead = {**GOOD, "event_name": "Lead"}
    del lead["custom_data"]

    assert found(lead) == []


def test_an_event_of_another_source_needs_no_page() -> None:
    event = changed("action_source", "system_generated")
    del event["event_source_url"]

    assert found(event) == []


def test_all_problems_are_told_at_once_with_a_sentence_each() -> None:
    problems = check_event({"event_name": "Purchase", "user_data": "none", "data": 1}, NOW)

    assert [problem.path for problem in problems] == [
        "event_time",
        "event_id",
        "action_source",
        "data",
        "user_data",
        "custom_data.value",
        "custom_data.currency",
    ]
    assert [problem.sentence for problem in problems if not problem.sentence.endswith(".")] == []
    assert problems[0] == Problem(ProblemCode.MISSING_KEY, "event_time", "Every event needs event_time.")


def test_no_sentence_repeats_what_a_person_typed() -> None:
    problems = check_event(changed("user_data.em", ["ana@example.com"]), NOW)

    assert [problem for problem in problems if "ana" in repr(problem)] == []
    assert len(problems) == 1
