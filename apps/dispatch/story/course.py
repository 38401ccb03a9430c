"""What befell one send, before there are words for it, and how what lasted long is folded. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One request that it was in. `outcome` is empty where nobody settled it; `left_out` names what was not sent any
    more from then on. `more` alike followed, the last of them at `until`."""

    at: datetime
    host: str
    size: int
    is_probe: bool
    outcome: str
    next_step: str = ""
    http_status: int | None = None
    code: int | None = None
    subcode: int | None = None
    left_out: Sequence[str] = ()
    more: int = 0
    until: datetime | None = None

    @property
    def failed(self) -> bool:
        return self.outcome != "accepted"

    def is_like(self, other: "Try") -> bool:
        own = (self.host, self.is_probe, self.outcome, self.next_step, self.http_status, self.code, self.subcode)
        theirs = (other.host, other.is_probe, other.outcome, other.next_step, other.http_status, other.code)
        return own == (*theirs, other.subcode) and not other.left_out


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What befell the destination's breaker, or its whole platform's (models.BreakerChange). `is_before`: it was so
    when the event came. `more` pauses followed."""

    at: datetime
    what: str
    reason: str = ""
    until: datetime | None = None
    of_platform: bool = False
    is_before: bool = False
    more: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Probes:
    """While a breaker was open: probed so many times until `until`, `own` times with this very event, in vain."""

    at: datetime
    until: datetime
    times: int
    own: int
    reason: str
    of_platform: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """Somebody had it sent again; `actor` is empty where that is not known."""

    at: datetime
    actor: str = ""


Step = Try | Change | Probes | Replayed


class Outage(NamedTuple):
    """From the change that opened a breaker to the one that closed it, if it did. `retries` are its later openings."""

    opened: Change
    retries: Sequence[Change]
    closed: Change | None


def fold(steps: Sequence[Step]) -> list[Step]:
    """In the order of time, with each outage's probes and each row of like tries and pauses as one."""
    changes = [step for step in steps if isinstance(step, Change)]
    outages = [outage for track in (False, True) for outage in _find_outages(changes, of_platform=track)]
    folded_tries = {id(step) for outage in outages for step in _tries_within(outage, steps)}
    shown: list[Step] = [step for step in steps if _stays(step) and id(step) not in folded_tries]
    for outage in outages:
        shown += [step for step in (outage.opened, _probes_of(outage, steps), outage.closed) if step]
    return _join_alike(sorted(shown, key=lambda step: step.at))


def _stays(step: Step) -> bool:
    return not isinstance(step, Change) or step.what not in _OF_OUTAGES


_OF_OUTAGES = frozenset({"open", "half_open", "closed"})


def _find_outages(changes: Sequence[Change], *, of_platform: bool) -> Iterator[Outage]:
    opened: Change | None = None
    retries: list[Change] = []
    for change in sorted(changes, key=lambda item: item.at):
        if change.of_platform != of_platform:
            continue
        if change.what == "closed" and opened:
            yield Outage(opened, retries, change)
            opened, retries = None, []
        elif change.what == "open" and opened:
            retries.append(change)
        elif change.what in ("open", "half_open"):
            opened = opened or replace(change, what="open")
    if opened:
        yield Outage(opened, retries, None)


def _tries_within(outage: Outage, steps: Sequence[Step]) -> list[Try]:
    """Probes that this event made in vain. The platform's outage leaves them to the destination's own."""
    if outage.opened.of_platform:
        return []
    end = outage.closed.at if outage.closed else None
    probes = (step for step in steps if isinstance(step, Try) and step.is_probe and step.failed)
    return [step for step in probes if step.at >= outage.opened.at and (end is None or step.at <= end)]


def _probes_of(outage: Outage, steps: Sequence[Step]) -> Probes | None:
    if not outage.retries:
        return None
    return Probes(
        at=outage.retries[0].at,
        until=outage.retries[-1].at,
        times=len(outage.retries),
        own=len(_tries_within(outage, steps)),
        reason=outage.retries[-1].reason,
        of_platform=outage.opened.of_platform,
    )


def _join_alike(steps: Sequence[Step]) -> list[Step]:
    """Neighbours that say the same are told once: the first, and how many more there were."""
    joined: list[Step] = []
    for step in steps:
        both = _join(joined[-1], step) if joined else None
        if both:
            joined[-1] = both
        else:
            joined.append(step)
    return joined


def _join(last: Step, step: Step) -> Step | None:
    """The two as one, if they say the same."""
    if isinstance(step, Try) and isinstance(last, Try) and last.is_like(step):
        return replace(last, more=last.more + 1, until=step.at)
    if isinstance(step, Change) and isinstance(last, Change) and step.what == last.what == "paused":
        return replace(last, more=last.more + 1, until=step.until)
    return None
