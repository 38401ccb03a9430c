"""One request to a platform: what each kind of silence means, and that nothing raises."""

import pytest

from apps.core.http import Ambiguous, Answer, NotSent, OutboundClient, OutboundError, Reason, Refused
from apps.dispatch.exchange import exchange, judge_silence, patience
from apps.dispatch.platform import Reply
from apps.dispatch.verdict import NextStep, Outcome, Verdict
from tests.platforms import scripted_platform

YES = Verdict(Outcome.ACCEPTED, NextStep.NONE, "accepted")


@pytest.mark.parametrize(
    ("error", "outcome", "next_step"),
    [
        (NotSent(Reason.DNS), "transient", "retry"),
        (NotSent(Reason.CONNECT_TIMEOUT), "transient", "retry"),
        (Ambiguous(Reason.READ_TIMEOUT), "ambiguous", "retry"),
        (Ambiguous(Reason.RESET), "ambiguous", "retry"),
        (Refused(Reason.ADDRESS), "permission", "review"),
        (Refused(Reason.PORT), "permission", "review"),
        (Refused(Reason.HEADER), "token", "replace_token"),
    ],
)
def test_each_silence_has_its_meaning(error: OutboundError, outcome: str, next_step: str) -> None:
    verdict = judge_silence(error)

    assert (verdict.outcome.value, verdict.next_step.value, verdict.reason) == (outcome, next_step, error.reason)


def test_an_answer_is_judged_and_kept() -> None:
    seen: list[Answer] = []

    def judge(answer: Answer) -> Verdict:
        seen.append(answer)
        return YES

    with scripted_platform() as platform:
        platform.answers = [(418, b"no \xff")]
        reply = exchange(OutboundClient(allow_loopback=True), platform.url, {"data": [1]}, {}, judge, events=1)

    assert (reply.verdict, reply.http_status, reply.body) == (YES, 418, "no \ufffd")
    assert [(answer.status, answer.body) for answer in seen] == [(418, b"no \xff")]
    assert platform.received == [{"data": [1]}]


@pytest.mark.parametrize(
    ("url", "headers", "outcome"),
    [
        ("http://127.0.0.1:9/", {}, "transient"),
        ("ftp://curso.example.com/", {}, "permission"),
        ("http://ana@127.0.0.1:9/", {}, "permission"),
        ("http://127.0.0.1:9/", {"Access-Token": "ação"}, "token"),
        ("http://127.0.0.1:9/", {"Access-Token": "two\nlines"}, "token"),
    ],
)
def test_what_cannot_be_posted_is_a_reply_too(url: str, headers: dict[str, str], outcome: str) -> None:
    reply = exchange(OutboundClient(allow_loopback=True), url, {}, headers, lambda _answer: YES, events=1)

    assert reply.verdict.outcome.value == outcome
    assert (reply.http_status, reply.body, reply.elapsed_ms) == (None, "", None)
    assert reply == Reply(reply.verdict, None, "", None)


def test_our_own_network_is_no_place_to_send_to() -> None:
    with scripted_platform() as platform:
        reply = exchange(OutboundClient(), platform.url, {}, {}, lambda _answer: YES, events=1)

    assert (reply.verdict.outcome, reply.verdict.next_step) == (Outcome.PERMISSION, NextStep.REVIEW)
    assert platform.received == []


@pytest.mark.parametrize(("events", "seconds"), [(1, 1.505), (200, 2.5), (1000, 6.5), (5000, 10.0)])
def test_a_larger_request_is_waited_for_longer_within_bounds(events: int, seconds: float) -> None:
    assert patience(events) == pytest.approx(seconds)
