"""What each answer of the Events API means. Bodies are made up in the shape that TikTok gives its answers."""

import json

import pytest

from apps.dispatch.tiktok.errors import classify
from apps.dispatch.verdict import NextStep, Outcome, Scope, Verdict

HTML = b"<!DOCTYPE html><html><body>Bad gateway</body></html>"


def answer(code: object, message: str = "no", **more: object) -> bytes:
    return json.dumps({"code": code, "message": message, "request_id": "2026112215-1", "data": {}, **more}).encode()


def judge(body: bytes, *, status: int = 200, sent: int = 1, headers: dict[str, str] | None = None) -> Verdict:
    return classify(status, headers or {}, body, sent)


TABLE: list[tuple[int, str, str, str]] = [
    # code, outcome, next step, who waits
    (40001, "permission", "check_permissions", "destination"),
    (40002, "permanent", "fix_event", "destination"),
    (40016, "throttled", "wait", "token"),
    (40100, "throttled", "wait", "token"),
    (40105, "token", "replace_token", "destination"),
    (40133, "throttled", "wait", "token"),
    (50002, "transient", "retry", "destination"),
    (51010, "transient", "retry", "destination"),
    (51021, "throttled", "wait", "destination"),
    # Codes that nobody told of.
    (40003, "unknown", "review", "destination"),
    (-1, "unknown", "review", "destination"),
]


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404])
@pytest.mark.parametrize(("code", "outcome", "next_step", "scope"), TABLE)
def test_each_code_has_its_meaning_whatever_the_status(
    code: int, outcome: str, next_step: str, scope: str, status: int
) -> None:
    verdict = judge(answer(code), status=status)

    assert (verdict.outcome.value, verdict.next_step.value, verdict.scope.value) == (outcome, next_step, scope)
    assert (verdict.code, verdict.fbtrace_id, verdict.reason) == (code, "2026112215-1", f"tiktok_{code}")
    assert verdict.repair == ""


@pytest.mark.parametrize(("code", "outcome", "next_step", "scope"), TABLE[:9])
def test_a_known_code_says_more_than_a_servers_error(code: int, outcome: str, next_step: str, scope: str) -> None:
    assert judge(answer(code), status=502).outcome.value == outcome


def test_a_success_is_code_0() -> None:
    verdict = judge(answer(0, "OK"))

    assert verdict == Verdict(Outcome.ACCEPTED, NextStep.NONE, "accepted", fbtrace_id="2026112215-1")


@pytest.mark.parametrize("data", [{}, None, [], "ok", {"failed_count": 0, "failed_events": []}])
def test_partly_taken_is_taken_while_nothing_failed_by_name(data: object) -> None:
    verdict = judge(answer(20001, "OK", data=data), sent=3)

    assert (verdict.outcome, verdict.next_step, verdict.code) == (Outcome.ACCEPTED, NextStep.NONE, 20001)


@pytest.mark.parametrize("code", [0, 20001])
@pytest.mark.parametrize("data", [{"failed_events": [{"index": 1}]}, {"fail_count": 1}, {"errors": ["x"]}])
def test_what_was_taken_is_unsure_once_some_failed(code: int, data: object) -> None:
    verdict = judge(answer(code, data=data), sent=3)

    assert (verdict.outcome, verdict.next_step) == (Outcome.AMBIGUOUS, NextStep.RETRY)
    assert (verdict.reason, verdict.code) == (f"tiktok_{code}", code or None)


@pytest.mark.parametrize("code", [0, 20001])
@pytest.mark.parametrize("status", [302, 404, 500, 502])
def test_a_success_inside_a_failure_is_unsure(code: int, status: int) -> None:
    verdict = judge(answer(code), status=status)

    assert (verdict.outcome, verdict.next_step) == (Outcome.AMBIGUOUS, NextStep.RETRY)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        HTML,
        b"{}",
        b"null",
        b"[0]",
        b'"0"',
        b'{"code": null}',
        b'{"code": false}',
        b'{"code": "OK"}',
        b'{"code": 0.0}',
        b'{"code": 0',
        b'{"code": ' + b"9" * 5000 + b"}",
        b'{"code": 99999999999}',
        b"\xff\xfe\x00",
        b"[" * 60_000,
    ],
)
def test_a_200_without_a_readable_code_may_hide_a_success(body: bytes) -> None:
    verdict = judge(body, sent=3)

    assert verdict == Verdict(Outcome.AMBIGUOUS, NextStep.RETRY, "http_200")


@pytest.mark.parametrize(
    ("status", "outcome", "next_step"),
    [
        *((status, "transient", "retry") for status in (302, 400, 401, 403, 404, 408, 413, 500, 502, 503, 504)),
        (429, "throttled", "wait"),
    ],
)
def test_a_page_that_is_not_tiktoks_blames_nobody(status: int, outcome: str, next_step: str) -> None:
    verdict = judge(HTML, status=status)

    assert (verdict.outcome.value, verdict.next_step.value) == (outcome, next_step)
    assert (verdict.code, verdict.scope, verdict.reason) == (None, Scope.DESTINATION, f"http_{status}")


@pytest.mark.parametrize(
    ("status", "outcome"), [(500, Outcome.TRANSIENT), (503, Outcome.TRANSIENT), (429, Outcome.THROTTLED)]
)
def test_an_unknown_code_leaves_the_word_to_the_status(status: int, outcome: Outcome) -> None:
    verdict = judge(answer(49999), status=status)

    assert (verdict.outcome, verdict.code, verdict.reason) == (outcome, 49999, "tiktok_49999")


def test_a_code_may_come_as_text() -> None:
    assert judge(answer("40105")).outcome is Outcome.TOKEN
    assert judge(answer("0")).outcome is Outcome.ACCEPTED


@pytest.mark.parametrize(("code", "splits"), [(40002, True), *((code, False) for code, *_ in TABLE if code != 40002)])
def test_only_what_is_about_one_event_splits_a_batch(code: int, splits: bool) -> None:
    alone, together = (judge(answer(code), sent=sent) for sent in (1, 2))

    assert (together.next_step is NextStep.SPLIT_BATCH) is splits
    assert alone.next_step is not NextStep.SPLIT_BATCH
    assert together.outcome is alone.outcome


@pytest.mark.parametrize(
    ("code", "message", "sent", "repair"),
    [
        (40002, "data[0].user.ttclid: is malformed", 1, "ttclid"),
        (40002, "data[0].user.ttclid: is malformed", 2, ""),
        (40002, "data[0].user.email: is malformed", 1, ""),
        (40001, "ttclid", 1, ""),
    ],
)
def test_an_event_that_can_do_without_the_key_that_is_named_is_repaired(
    code: int, message: str, sent: int, repair: str
) -> None:
    assert judge(answer(code, message), sent=sent).repair == repair


@pytest.mark.parametrize("message", [None, 5, ["ttclid"], {}])
def test_a_message_that_is_no_text_names_nothing(message: object) -> None:
    body = json.dumps({"code": 40002, "message": message}).encode()

    assert judge(body) == Verdict(Outcome.PERMANENT, NextStep.FIX_EVENT, "tiktok_40002", code=40002)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "90"}, 90),
        ({"Retry-After": " 7 "}, 7),
        ({"Retry-After": "Sun, 22 Nov 2026 15:00:00 GMT"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "999999999"}, 86400),
    ],
)
def test_how_long_to_wait_is_read_from_the_header(headers: dict[str, str], seconds: int | None) -> None:
    throttled = judge(answer(40100), headers=headers)
    unwell = judge(HTML, status=503, headers=headers)

    assert (throttled.retry_after_s, unwell.retry_after_s) == (seconds, seconds)


@pytest.mark.parametrize("code", [0, 20001, 40001, 40002, 40105, 49999])
def test_other_outcomes_ask_for_no_pause(code: int) -> None:
    assert judge(answer(code), headers={"Retry-After": "90"}).retry_after_s is None


@pytest.mark.parametrize("request_id", [None, 5, "", "a b", "a\x00b", "x" * 101])
def test_a_request_id_that_is_none_is_dropped(request_id: object) -> None:
    assert judge(answer(40002, request_id=request_id)).fbtrace_id is None
