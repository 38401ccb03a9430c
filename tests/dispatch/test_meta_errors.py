"""What each answer of the Graph API means. Bodies are made up in the shape that Graph gives its errors."""

import json
from typing import Any

import pytest

from apps.dispatch.meta.errors import classify
from apps.dispatch.verdict import NextStep, Outcome, Scope, Verdict

HTML = b"<!DOCTYPE html><html><body>Sorry, something went wrong.</body></html>"
RECEIVED = b'{"events_received": 1, "messages": [], "fbtrace_id": "AbC-1_x"}'


def error_body(code: object, subcode: object = None, **more: object) -> bytes:
    error = {
        "message": "Ocorreu um erro",
        "type": "OAuthException",
        "code": code,
        "fbtrace_id": "AbC-1_x",
        **more,
    }
    if subcode is not None:
        error["error_subcode"] = subcode
    return json.dumps({"error": error}).encode()


def judge(status: int, body: bytes, *, sent: int = 1, headers: dict[str, str] | None = None) -> Verdict:
    return classify(status, headers or {}, body, sent)


TABLE: list[tuple[int, int | None, int, str, str]] = [
    # code, subcode, HTTP status, outcome, next step
    (1, None, 500, "transient", "retry"),
    (1, None, 400, "transient", "retry"),
    (1, 99, 400, "permanent", "fix_event"),
    (2, None, 503, "transient", "retry"),
    (2, None, 400, "transient", "retry"),
    (3, None, 400, "permanent", "check_permissions"),
    (4, None, 403, "throttled", "wait"),
    (4, 1504022, 403, "throttled", "wait"),
    (4, 1504039, 403, "throttled", "wait"),
    (10, None, 403, "permission", "check_permissions"),
    (17, None, 400, "throttled", "wait"),
    (17, 2446079, 400, "throttled", "wait"),
    (32, None, 400, "throttled", "wait"),
    (100, None, 400, "permanent", "fix_event"),
    (100, 33, 400, "permission", "check_permissions"),
    (100, 2804001, 400, "permanent", "drop_fbc"),
    (100, 2804003, 400, "expired", "none"),
    (100, 2804007, 400, "permanent", "fix_event"),
    (100, 2804009, 400, "permanent", "fix_event"),
    (100, 2804010, 400, "permanent", "fix_event"),
    (100, 2804016, 400, "permanent", "fix_event"),
    (100, 2804017, 400, "permanent", "fix_event"),
    (100, 2804019, 400, "permanent", "fix_event"),
    (100, 2804048, 400, "permanent", "fix_event"),
    (100, 2804050, 400, "permanent", "fix_event"),
    (102, None, 400, "token", "replace_token"),
    (104, None, 400, "permission", "check_permissions"),
    *((190, subcode, 400, "token", "replace_token") for subcode in (None, 458, 459, 460, 463, 464, 467, 492)),
    (190, None, 401, "token", "replace_token"),
    (200, None, 403, "permission", "check_permissions"),
    (250, None, 400, "permission", "check_permissions"),
    (294, None, 400, "permission", "check_permissions"),
    (299, None, 400, "permission", "check_permissions"),
    (341, None, 400, "throttled", "wait"),
    (368, None, 400, "throttled", "review"),
    (613, None, 400, "throttled", "wait"),
    (613, 1487742, 400, "throttled", "wait"),
    *((code, None, 400, "throttled", "wait") for code in (80000, 80001, 80003, 80004, 80014)),
    (2500, None, 400, "version", "change_version"),
    (2500, None, 404, "version", "change_version"),
    (2635, None, 400, "version", "change_version"),
    (5000, None, 500, "unknown", "retry"),
    # Codes that Meta never told of: only here does the status speak.
    (777, None, 400, "unknown", "review"),
    (-3, 1349193, 400, "unknown", "review"),
    (80015, None, 400, "unknown", "review"),
    (300, None, 400, "unknown", "review"),
    (777, None, 200, "unknown", "review"),
    (777, None, 401, "token", "replace_token"),
    (777, None, 403, "permission", "check_permissions"),
    (777, None, 408, "transient", "retry"),
    (777, None, 429, "throttled", "wait"),
    (777, None, 502, "transient", "retry"),
]


@pytest.mark.parametrize(("code", "subcode", "status", "outcome", "next_step"), TABLE)
def test_each_code_has_its_meaning(code: int, subcode: int | None, status: int, outcome: str, next_step: str) -> None:
    verdict = judge(status, error_body(code, subcode))

    assert (verdict.outcome.value, verdict.next_step.value) == (outcome, next_step)
    assert (verdict.code, verdict.subcode, verdict.fbtrace_id) == (code, subcode, "AbC-1_x")


@pytest.mark.parametrize(("code", "subcode"), [(100, None), (100, 2804009), (3, None), (777, None), (5000, None)])
def test_what_graph_calls_transient_is_not_thrown_away(code: int, subcode: int | None) -> None:
    verdict = judge(400, error_body(code, subcode, is_transient=True))

    assert (verdict.outcome, verdict.next_step) == (Outcome.TRANSIENT, NextStep.RETRY)


@pytest.mark.parametrize(
    ("code", "subcode", "outcome"),
    [(4, None, "throttled"), (190, 463, "token"), (10, None, "permission"), (100, 2804003, "expired")],
)
def test_a_known_code_says_more_than_transient(code: int, subcode: int | None, outcome: str) -> None:
    assert judge(403, error_body(code, subcode, is_transient=True)).outcome.value == outcome


@pytest.mark.parametrize("flag", [False, None, "true", 1])
def test_only_true_is_transient(flag: object) -> None:
    assert judge(400, error_body(100, is_transient=flag)).outcome is Outcome.PERMANENT


def test_a_success_counts_every_event() -> None:
    verdict = judge(200, RECEIVED)

    assert verdict == Verdict(Outcome.ACCEPTED, NextStep.NONE, "accepted", fbtrace_id="AbC-1_x")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        HTML,
        b"{}",
        b"null",
        b"[1]",
        b'"ok"',
        b'{"events_received": 2}',
        b'{"events_received": 4}',
        b'{"events_received": true}',
        b'{"events_received": null}',
        b'{"events_received": 3.0}',
        b'{"events_received": 3',
        b'{"error": "no object"}',
        b"\xff\xfe\x00",
        b"[" * 60_000,
        b'{"events_received": ' + b"9" * 5000 + b"}",
    ],
)
def test_a_200_that_does_not_confirm_is_no_success(body: bytes) -> None:
    verdict = judge(200, body, sent=3)

    assert verdict == Verdict(Outcome.AMBIGUOUS, NextStep.RETRY, "http_200")


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (302, "ambiguous"),
        (400, "ambiguous"),
        (401, "ambiguous"),
        (403, "ambiguous"),
        (404, "ambiguous"),
        (408, "transient"),
        (425, "transient"),
        (429, "throttled"),
        (500, "transient"),
        (502, "transient"),
        (503, "transient"),
        (504, "transient"),
    ],
)
def test_a_page_that_is_not_graphs_is_judged_by_status_and_blames_nobody(status: int, outcome: str) -> None:
    verdict = judge(status, HTML)

    assert verdict.outcome.value == outcome
    assert (verdict.code, verdict.reason) == (None, f"http_{status}")


@pytest.mark.parametrize("subcode", [None, 2804001, 2804003, 2804016])
def test_a_refused_batch_is_split_since_nobody_says_which_event(subcode: int | None) -> None:
    alone, together = (judge(400, error_body(100, subcode), sent=sent) for sent in (1, 2))

    assert together.next_step is NextStep.SPLIT_BATCH
    assert alone.next_step is not NextStep.SPLIT_BATCH
    assert together.outcome is alone.outcome


@pytest.mark.parametrize("code", [3, 4, 190, 10, 2, 5000])
def test_what_is_not_about_one_event_splits_nothing(code: int) -> None:
    assert judge(400, error_body(code), sent=2) == judge(400, error_body(code), sent=1)


def usage(**minutes: object) -> dict[str, str]:
    blocks: dict[str, Any] = {
        name: [{"type": "ads_management", "call_count": 100, "estimated_time_to_regain_access": value}]
        for name, value in minutes.items()
    }
    return {"X-Business-Use-Case-Usage": json.dumps(blocks)}


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        (usage(a=19), 19 * 60),
        (usage(a=0), None),
        (usage(a=3, b=7, c=0), 7 * 60),
        ({"retry-after": "90"}, 90),
        ({"Retry-After": " 7 "}, 7),
        ({**usage(a=1), "Retry-After": "90"}, 90),
        ({**usage(a=2), "Retry-After": "90"}, 120),
        ({"Retry-After": "Sun, 22 Nov 2026 15:00:00 GMT"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "9" * 5000}, None),
        ({"Retry-After": "999999999"}, 86400),
        (usage(a="soon"), None),
        (usage(a=None), None),
        ({"X-Business-Use-Case-Usage": "{"}, None),
        ({"X-Business-Use-Case-Usage": '{"1": 2, "3": [4]}'}, None),
    ],
)
def test_how_long_to_wait_is_read_from_the_headers(headers: dict[str, str], seconds: int | None) -> None:
    throttled = judge(400, error_body(80004), headers=headers)
    unwell = judge(503, HTML, headers=headers)

    assert (throttled.retry_after_s, unwell.retry_after_s) == (seconds, seconds)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"X-App-Usage": '{"call_count": 100, "total_cputime": 3, "total_time": 25}'}, 600),
        ({"x-app-usage": '{"call_count": 7, "total_time": 230}'}, 600),
        ({"X-App-Usage": '{"call_count": 99, "total_time": 99}'}, None),
        ({"X-App-Usage": '{"call_count": "much"}'}, None),
        ({"X-App-Usage": "[100]"}, None),
        ({"X-Ad-Account-Usage": '{"acc_id_util_pct": 100, "reset_time_duration": 1800}'}, 1800),
        ({"X-Ad-Account-Usage": '{"acc_id_util_pct": 100}'}, None),
        ({"X-Ad-Account-Usage": '{"reset_time_duration": "soon"}'}, None),
        ({"X-Ad-Account-Usage": '{"reset_time_duration": 999999999}'}, 86400),
        ({**usage(a=19), "X-App-Usage": '{"call_count": 100}'}, 19 * 60),
        ({**usage(a=1), "X-App-Usage": '{"call_count": 100}'}, 600),
    ],
)
def test_a_full_count_asks_for_a_pause_when_it_throttles(headers: dict[str, str], seconds: int | None) -> None:
    assert judge(403, error_body(4), headers=headers).retry_after_s == seconds


def test_a_full_count_alone_is_no_reason_to_wait() -> None:
    headers = {"X-App-Usage": '{"call_count": 100}', "X-Ad-Account-Usage": '{"reset_time_duration": 1800}'}

    assert judge(503, HTML, headers=headers).retry_after_s is None
    assert judge(200, RECEIVED, headers=headers).retry_after_s is None


@pytest.mark.parametrize(
    ("code", "subcode", "scope"),
    [
        (4, None, Scope.APP),
        (4, 1504022, Scope.APP),
        (341, None, Scope.APP),
        (17, None, Scope.TOKEN),
        (17, 2446079, Scope.TOKEN),
        (32, None, Scope.TOKEN),
        (613, None, Scope.TOKEN),
        (613, 1487742, Scope.TOKEN),
        (368, None, Scope.DESTINATION),
        *((code, None, Scope.DESTINATION) for code in (80000, 80003, 80004, 80014)),
    ],
)
def test_who_waits_is_whose_calls_are_counted(code: int, subcode: int | None, scope: Scope) -> None:
    assert judge(403, error_body(code, subcode)).scope is scope


@pytest.mark.parametrize("body", [HTML, error_body(777)])
def test_a_429_that_names_nobody_stops_one_destination(body: bytes) -> None:
    assert judge(429, body).scope is Scope.DESTINATION


def test_a_malformed_fbc_is_left_out_once_it_is_known_whose_it_is() -> None:
    alone, together = (judge(400, error_body(100, 2804001), sent=sent) for sent in (1, 2))

    assert (alone.next_step, alone.repair) == (NextStep.DROP_FBC, "fbc")
    assert (together.next_step, together.repair) == (NextStep.SPLIT_BATCH, "")


@pytest.mark.parametrize("subcode", [None, 33, 2804003, 2804009, 2804016, 2804050])
def test_nothing_else_is_repaired(subcode: int | None) -> None:
    assert judge(400, error_body(100, subcode)).repair == ""


@pytest.mark.parametrize("sent", [1, 2])
def test_a_version_that_is_gone_says_nothing_of_the_events(sent: int) -> None:
    assert judge(400, error_body(2635), sent=sent) == Verdict(
        Outcome.VERSION, NextStep.CHANGE_VERSION, "graph_2635", code=2635, fbtrace_id="AbC-1_x"
    )


def test_a_policy_block_waits_for_hours_by_itself() -> None:
    assert judge(400, error_body(368)).retry_after_s == 6 * 3600


@pytest.mark.parametrize(
    ("status", "body"), [(200, RECEIVED), (400, error_body(190)), (400, error_body(100)), (200, HTML)]
)
def test_other_outcomes_ask_for_no_pause(status: int, body: bytes) -> None:
    assert judge(status, body, headers=usage(a=19)).retry_after_s is None


@pytest.mark.parametrize(
    ("code", "subcode", "stored"),
    [
        ("190", "463", (190, 463)),
        (190, 2**31, (190, None)),
        (10**30, None, (None, None)),
        (True, [1], (None, None)),
        ("one", {}, (None, None)),
    ],
)
def test_only_numbers_that_can_be_stored_are_kept(
    code: object, subcode: object, stored: tuple[int | None, int | None]
) -> None:
    verdict = judge(400, error_body(code, subcode))

    assert (verdict.code, verdict.subcode) == stored


@pytest.mark.parametrize("trace_id", [None, 5, "", "a b", "a\x00b", "x" * 101])
def test_a_trace_id_that_is_none_is_dropped(trace_id: object) -> None:
    assert judge(400, error_body(100, fbtrace_id=trace_id)).fbtrace_id is None


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (400, error_body(190, 463), "graph_190_463"),
        (400, error_body(10), "graph_10"),
        (400, error_body(None), "http_400"),
    ],
)
def test_the_reason_names_what_was_read(status: int, body: bytes, reason: str) -> None:
    assert judge(status, body).reason == reason
