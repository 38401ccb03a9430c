"""What each answer of a customer's own server means for the events that it was sent."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.dispatch.http_gateway.errors import Reading, read_answer
from apps.dispatch.verdict import NextStep, Outcome, Scope, Verdict

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
ONE, TWO = ["e1"], ["e1", "e2"]
YES = Verdict(Outcome.ACCEPTED, NextStep.NONE, "accepted")
UNREADABLE = Verdict(Outcome.AMBIGUOUS, NextStep.REVIEW, "unreadable_answer")
HTML = b"<!DOCTYPE html><html><body>Sorry.</body></html>"


def read(status: int, body: bytes = b"", *, sent: list[str] = ONE, **headers: str) -> Reading:
    return read_answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, body, sent, NOW)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"ok",
        b"{}",
        b" { \n} ",
        b"[1, 2]",
        b"null",
        HTML,
        b"\xff\xfe\x00",
        b'{"duplicates": [], "rejected": []}',
        b'{"rejected": null, "duplicates": null}',
        b'{"duplicates": "e1"}',
        b'{"duplicates": [["e1"], 7, "another"]}',
        b'{"stored": 2}',
    ],
)
def test_a_2xx_takes_everything(status: int, body: bytes) -> None:
    assert read(status, body, sent=TWO) == Reading(YES)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"rejected": [{"event_id": "e1"',
        b'  {"rejected": [',
        b'{"a":' * 60_000,
        b'{"a": ' + b"9" * 5000 + b"}",
        b'  {"rejected": "e1"}',
        b'{"rejected": {"e1": "no"}}',
        b'{"rejected": ["e1"]}',
        b'{"rejected": true}',
        b'{"rejected": [{"reason": "no"}]}',
        b'{"rejected": [{"event_id": "another", "reason": "no"}]}',
        b'{"rejected": [{"event_id": ["e1"]}]}',
        b'\xff{"rejected": []}'[1:-1],
    ],
)
def test_json_that_may_name_refused_events_and_cannot_be_read_is_no_yes(body: bytes) -> None:
    assert read(200, body, sent=TWO) == Reading(UNREADABLE)


def test_duplicates_and_rejected_are_told_by_event() -> None:
    body = json.dumps({"duplicates": ["e1", "e2", "e9"], "rejected": [{"event_id": "e2", "reason": "Sem estoque!"}]})

    reading = read(200, body.encode(), sent=["e1", "e2", "e3"])

    assert reading == Reading(YES, frozenset({"e1"}), {"e2": "rejected_sem_estoque"})


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("unknown_order", "rejected_unknown_order"),
        ("  Unknown  ORDER #12 ", "rejected_unknown_order_12"),
        ("", "rejected"),
        (None, "rejected"),
        (7, "rejected"),
        ("é!", "rejected"),
        ("x" * 500, "rejected_" + "x" * 51),
        ("x" * 50 + " y", "rejected_" + "x" * 50),
    ],
)
def test_a_reason_becomes_one_stable_word(reason: object, word: str) -> None:
    body = json.dumps({"rejected": [{"event_id": "e1", "reason": reason}]})

    assert read(200, body.encode()).refused == {"e1": word}


TABLE = [
    *((status, "permission", "check_permissions", f"redirect_{status}") for status in (300, 301, 302, 304, 307, 308)),
    (400, "permanent", "fix_event", "http_400"),
    (401, "token", "replace_token", "http_401"),
    (403, "token", "replace_token", "http_403"),
    (404, "permission", "check_permissions", "http_404"),
    (410, "permission", "check_permissions", "http_410"),
    (413, "permanent", "fix_event", "http_413"),
    (422, "permanent", "fix_event", "http_422"),
    (429, "throttled", "wait", "http_429"),
    *((status, "transient", "retry", f"http_{status}") for status in (402, 405, 408, 409, 418, 425, 451)),
    *((status, "transient", "retry", f"http_{status}") for status in (500, 501, 502, 503, 504, 520, 599, 600, 999)),
]


@pytest.mark.parametrize(("status", "outcome", "next_step", "reason"), TABLE)
@pytest.mark.parametrize("body", [b"", HTML, b'{"duplicates": ["e1"], "rejected": [{"event_id": "e1"}]}'])
def test_each_status_has_its_meaning(status: int, outcome: str, next_step: str, reason: str, body: bytes) -> None:
    reading = read(status, body)

    verdict = reading.verdict
    assert (verdict.outcome.value, verdict.next_step.value, verdict.reason) == (outcome, next_step, reason)
    assert (reading.duplicates, reading.refused) == (frozenset(), {})
    assert verdict.scope is Scope.DESTINATION


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refused_batch_is_split(status: int) -> None:
    together, alone = read(status, sent=TWO).verdict, read(status, sent=ONE).verdict

    assert (together.outcome, together.next_step) == (Outcome.PERMANENT, NextStep.SPLIT_BATCH)
    assert (alone.outcome, alone.next_step) == (Outcome.PERMANENT, NextStep.FIX_EVENT)


@pytest.mark.parametrize("status", [301, 401, 404, 429, 503])
def test_what_is_not_about_one_event_splits_nothing(status: int) -> None:
    assert read(status, sent=TWO) == read(status, sent=ONE)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("", None),
        ("90", 90),
        (" 7 ", 7),
        ("0", None),
        ("-5", None),
        ("999999999", 86_400),
        ("9" * 5000, None),
        ("soon", None),
        ("Sun, 22 Nov 2026 15:02:00 GMT", 120),
        ("Sun, 22 Nov 2026 15:02:00", 120),
        ("Sun, 22 Nov 2026 12:02:00 -0300", 120),
        ("Sun, 22 Nov 2026 14:59:00 GMT", None),
        ("Tue, 24 Nov 2026 15:00:00 GMT", 86_400),
        ("Sun, 99 Nov 2026 15:00:00 GMT", None),
        ("Sun, 22 Nov 99999999 15:00:00 GMT", None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_a_pause_is_read_in_seconds_or_as_a_date(status: int, written: str, seconds: int | None) -> None:
    assert read(status, Retry_After=written).verdict.retry_after_s == seconds


@pytest.mark.parametrize("status", [200, 301, 400, 401, 404])
def test_other_answers_ask_for_no_pause(status: int) -> None:
    assert read(status, Retry_After="90").verdict.retry_after_s is None


@given(status=st.integers(100, 999), body=st.binary(max_size=200), written=st.text(max_size=40))
def test_no_answer_makes_it_raise(status: int, body: bytes, written: str) -> None:
    verdict = read(status, body, Retry_After=written).verdict

    assert (verdict.outcome is Outcome.ACCEPTED) <= (200 <= status < 300)
    assert 0 < len(verdict.reason) <= 60
