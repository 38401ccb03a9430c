"""The sentences of a story, in the reader's language."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from apps.dispatch.explanations import explain, explain_outcome
from apps.dispatch.models import SendStatus
from apps.dispatch.services.breakers import BY_HAND
from apps.dispatch.story.course import Change, Probes, Replayed, Step, Try
from apps.dispatch.verdict import NextStep


@dataclass(frozen=True, slots=True)
class Line:
    """One moment. `what` is a stable word; `destination_id` is None for what concerns all destinations."""

    at: datetime
    what: str
    text: str
    destination_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a send stands at the end of its story so far. `attempts` are the requests that it was in."""

    name: str
    status: str
    reason: str
    at: datetime
    known_since: datetime
    due_at: datetime
    attempts: int
    is_open: bool


def tell_step(step: Step) -> Line:
    if isinstance(step, Try):
        return Line(step.at, "sent", _tell_try(step))
    if isinstance(step, Probes):
        return Line(step.at, "breaker_probed", _tell_probes(step))
    if isinstance(step, Replayed):
        who = step.actor or _("Somebody")
        return Line(step.at, "replayed", _("%(who)s had it sent again, under the same event id.") % {"who": who})
    what, text = _tell_change(step)
    return Line(step.at, what, _("So it was when it came: %(text)s") % {"text": text} if step.is_before else text)


def tell_left_out(step: Try) -> Line:
    text = _("Left out from here on, since the platform does not take its value: %(keys)s.")
    return Line(step.at, "left_out", text % {"keys": ", ".join(step.left_out)})


def tell_end(end: Standing, now: datetime) -> Line:
    """How it ended, or what it waits for."""
    if end.status in (SendStatus.ACCEPTED, SendStatus.DUPLICATE):
        return Line(end.at, end.status, _tell_success(end))
    said = explain(end.reason)
    if end.status in (SendStatus.PENDING, SendStatus.RETRYING, SendStatus.SENDING):
        return Line(end.at, end.status, _tell_waiting(end, now))
    return Line(end.at, end.status, f"{_beginning(end.status)} {said.sentence} {said.next_step}")


def span(length: timedelta) -> str:
    """In words, no finer than anybody cares for."""
    if length < timedelta(seconds=1):
        return _("less than a second")
    seconds = round(length.total_seconds())
    if seconds < 60:
        return _("%(seconds)d s") % {"seconds": seconds}
    end = datetime.now(UTC)
    return timesince(end - timedelta(minutes=round(seconds / 60)), end, depth=2).replace("\xa0", " ")


def clock(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _tell_try(step: Try) -> str:
    parts = [_tell_sending(step), _tell_answer(step), _tell_meaning(step)]
    if step.until:
        parts.append(_tell_more(step.more, span(step.until - step.at)))
    return " ".join(part for part in parts if part)


def _tell_more(times: int, length: str) -> str:
    if times == 1:
        return _("The same happened once more, %(span)s later.") % {"span": length}
    return _("The same happened %(times)d more times within %(span)s.") % {"times": times, "span": length}


def _tell_sending(step: Try) -> str:
    host = urlsplit(step.host).netloc or step.host
    if step.is_probe:
        return _("Sent to %(host)s alone, to see whether it works again.") % {"host": host}
    if step.size == 1:
        return _("Sent to %(host)s in a request of its own.") % {"host": host}
    text = _("Sent to %(host)s in a request of %(size)d events, this one among them.")
    return text % {"host": host, "size": step.size}


def _tell_answer(step: Try) -> str:
    if step.http_status is None:
        return ""
    numbers = "/".join(str(number) for number in (step.code, step.subcode) if number is not None)
    if not numbers:
        return _("The answer was HTTP %(status)d.") % {"status": step.http_status}
    return _("The answer was HTTP %(status)d, error %(code)s.") % {"status": step.http_status, "code": numbers}


def _tell_meaning(step: Try) -> str:
    if step.next_step == NextStep.SPLIT_BATCH:
        return _("Some event in it was refused, and nobody says which: the request was taken apart to find it.")
    return explain_outcome(step.outcome)


def _tell_probes(probes: Probes) -> str:
    told = _("It was tried once with a single request, in vain.")
    if probes.times > 1:
        told = _("It was tried %(times)d times within %(span)s with a single request each, every time in vain.")
        told %= {"times": probes.times, "span": span(probes.until - probes.at)}
    parts = [told, explain(probes.reason).sentence]
    if probes.own:
        parts.append(_("Requests of these that held this event: %(own)d.") % {"own": probes.own})
    return " ".join(parts)


def _tell_change(change: Change) -> tuple[str, str]:
    if change.what == "open":
        return "breaker_opened", _tell_opening(change)
    if change.what == "closed":
        return "breaker_closed", _tell_closing(change)
    if change.what == "paused":
        return "paused", _tell_pause(change)
    said = explain(change.reason)
    if change.what == "parked":
        waits = _("Everything for this destination waits until it is mended.")
        return "parked", f"{said.sentence} {waits} {said.next_step}"
    return "resumed", _("The destination was mended, or is to be tried again: what waited is sent.")


def _tell_opening(change: Change) -> str:
    if change.of_platform:
        return _(
            "Several destinations of this platform failed at the same time. The hub stopped sending to all of it: that "
            "costs the event nothing but time. Once a minute a single request tries whether it works again."
        )
    return _(
        "Too many requests to this destination failed in a row. The hub stopped sending to it: that costs the event "
        "nothing but time. Once a minute a single request tries whether it works again."
    )


def _tell_closing(change: Change) -> str:
    if change.reason == BY_HAND:
        return _("Somebody had the hub send to this destination again.")
    if change.of_platform:
        return _("A request got through: the platform works again, and so sending goes on for all.")
    return _("A request got through: the destination works again. Sending goes on, gently at first.")


def _tell_pause(change: Change) -> str:
    length = span(change.until - change.at) if change.until else "-"
    if change.more:
        text = _("The platform got too many requests, and asked %(times)d times for a pause, for %(span)s in all.")
        return text % {"times": change.more + 1, "span": length}
    return _("The platform got too many requests, and asked for a pause of %(span)s.") % {"span": length}


def _tell_success(end: Standing) -> str:
    told = {"name": end.name, "span": span(end.at - end.known_since), "attempts": end.attempts}
    text = _("Done: %(name)s has it, %(span)s after the hub knew of it, at the first attempt.") % told
    if end.attempts > 1:
        text = _("Done: %(name)s has it, %(span)s after the hub knew of it, at attempt %(attempts)d.") % told
    return text if end.reason == "accepted" else f"{text} {explain(end.reason).sentence}"


def _tell_waiting(end: Standing, now: datetime) -> str:
    if end.reason == "review":
        return explain(end.reason).sentence
    if end.is_open:
        return _("It goes out as soon as a request gets through.")
    if end.status == SendStatus.SENDING:
        return _("It is being sent.")
    if end.due_at > now:
        return _("It is tried again in %(span)s.") % {"span": span(end.due_at - now)}
    return _("It is sent as soon as it is its turn.")


def _beginning(status: str) -> str:
    return {
        SendStatus.DEAD: _("It was given up."),
        SendStatus.EXPIRED: _("It expired unsent."),
        SendStatus.PARKED: _("It waits."),
        SendStatus.BLOCKED: _("It was stopped."),
        SendStatus.EXCLUDED: _("It is not told."),
    }[SendStatus(status)]


def list_names(names: Sequence[str]) -> str:
    return ", ".join(names) if names else _("nobody: the funnel had no destination")
