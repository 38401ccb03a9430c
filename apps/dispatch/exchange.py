"""One request to a platform over HTTP, and what it came to even if nothing came back."""

import json
from collections.abc import Callable, Mapping

from apps.core.http import Ambiguous, Answer, NotSent, OutboundClient, OutboundError, Reason, Refused
from apps.dispatch.platform import Reply
from apps.dispatch.verdict import NextStep, Outcome, Verdict

# What went wrong without a whole answer -> what that says, and what to do. An address that this client will not go to
# is a setting of the destination: its events wait until somebody corrects it.
_WITHOUT_ANSWER: dict[type[OutboundError], tuple[Outcome, NextStep]] = {
    NotSent: (Outcome.TRANSIENT, NextStep.RETRY),
    Ambiguous: (Outcome.AMBIGUOUS, NextStep.RETRY),
    Refused: (Outcome.PERMISSION, NextStep.REVIEW),
}

# Meta advises to wait 1.5 s for an answer; it works through a request event by event, so a larger one gets longer.
# Above it all stands the client's own ten seconds.
_PATIENCE_S = 1.5
_PATIENCE_PER_EVENT_S = 0.005
_LONGEST_PATIENCE_S = 10.0


def patience(events: int) -> float:
    """Seconds of silence after which a request of so many events is given up."""
    return min(_PATIENCE_S + _PATIENCE_PER_EVENT_S * events, _LONGEST_PATIENCE_S)


def exchange(
    client: OutboundClient,
    url: str,
    body: Mapping[str, object],
    headers: Mapping[str, str],
    judge: Callable[[Answer], Verdict],
    *,
    events: int,
) -> Reply:
    """Post `body` with so many events as JSON. Never raises for what the platform or the network does."""
    try:
        answer = client.post_json(url, json.dumps(body).encode(), headers, patience(events))
    except OutboundError as error:
        return Reply(judge_silence(error), None, "", None)
    return Reply(judge(answer), answer.status, answer.body.decode("utf-8", "replace"), answer.elapsed_ms)


def judge_silence(error: OutboundError) -> Verdict:
    """A token that does not fit into a header was badly pasted: the event must wait for a good one."""
    if error.reason is Reason.HEADER:
        return Verdict(Outcome.TOKEN, NextStep.REPLACE_TOKEN, error.reason)
    outcome, next_step = _WITHOUT_ANSWER[type(error)]
    return Verdict(outcome, next_step, error.reason)
