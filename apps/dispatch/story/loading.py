"""From the rows of an event to its story, in a constant number of statements."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

from django.db.models import Prefetch, Q
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from apps.dispatch.models import Attempt, BreakerChange, CapiEvent, Replay, Send, SendStatus
from apps.dispatch.registry import PLATFORMS
from apps.dispatch.services.outbox import SALE
from apps.dispatch.story.course import Change, Replayed, Step, Try, fold
from apps.dispatch.story.lines import Line, Standing, clock, list_names, tell_end, tell_left_out, tell_step
from apps.funnels.models import Destination

# More changes of breakers are not read: a week of an outage has fewer.
_MOST_CHANGES = 10_000
_MOST_REPLAYS = 50
_LAST_WORDS = timedelta(seconds=5)
_ENDED = frozenset({"permanent", "expired"})
_WAITING = (SendStatus.PENDING, SendStatus.RETRYING, SendStatus.PARKED, SendStatus.SENDING)


def load_for_story(pk: int) -> CapiEvent:
    """An event with all that its story is told from."""
    sends = Send.objects.select_related("destination").order_by("pk").prefetch_related("tries__batch")
    rows = CapiEvent.objects.select_related("conversion").prefetch_related(Prefetch("sends", queryset=sends))
    found: CapiEvent = rows.get(pk=pk)
    return found


def tell_story(event: CapiEvent) -> list[Line]:
    """Oldest first. `event` should be loaded as load_for_story does."""
    sends = list(event.sends.all())
    changes = _find_changes(event, sends)
    replays = _find_replays(event)
    now = timezone.now()
    lines = [_tell_beginning(event, sends)]
    for send in sends:
        lines += _tell_send(event, send, [*changes[send.destination_id], *_presses(send, replays)], now, len(sends))
    return sorted(lines, key=lambda line: line.at)


def _tell_beginning(event: CapiEvent, sends: Sequence[Send]) -> Line:
    order = event.conversion
    names = list_names([_name(send.destination) for send in sends])
    latest = clock(min((send.deadline for send in sends), default=event.event_time))
    if order is None:
        text = _("%(event)s on a page of the funnel: to be told to %(names)s, until %(latest)s.")
        return Line(event.created_at, "planned", text % {"event": event.event_name, "names": names, "latest": latest})
    money = f"{number_format(order.amount, 2)} {order.currency}" if order.amount is not None else _("amount unknown")
    text = _("%(event)s of order %(order)s (%(money)s): to be told to %(names)s, until %(latest)s.")
    if event.stage == SALE:
        text = _("Sale %(order)s (%(money)s) was paid: to be told to %(names)s as %(event)s, until %(latest)s.")
    told = {"event": event.event_name, "order": order.order_id, "money": money, "names": names, "latest": latest}
    return Line(event.created_at, "planned", text % told)


def _tell_send(event: CapiEvent, send: Send, others: Sequence[Step], now: datetime, sends: int) -> Iterator[Line]:
    """`sends` of several are told with the destination's name before each sentence."""
    end = now if send.status in _WAITING else send.settled_at or send.changed_at
    tries = _tries_of(send)
    steps = fold([*tries, *(step for step in others if _belongs(step, end))])
    outcome = tell_end(_standing(event, send, steps, len(tries)), now)
    told = [line for step in steps for line in _lines_of(step)]
    prefix = f"{_name(send.destination)}: " if sends > 1 else ""
    for line in (*told, outcome):
        at = max(line.at, told[-1].at) if told and line is outcome else line.at
        yield Line(at, line.what, f"{prefix}{line.text}", send.destination_id)


def _belongs(step: Step, end: datetime) -> bool:
    """The breaker hears of a request's success when its sends have been settled."""
    is_closing = isinstance(step, Change) and step.what == "closed"
    return step.at <= (end + _LAST_WORDS if is_closing else end)


def _lines_of(step: Step) -> Iterator[Line]:
    if isinstance(step, Try) and step.left_out:
        yield tell_left_out(step)
    yield tell_step(step)


def _standing(event: CapiEvent, send: Send, steps: Sequence[Step], attempts: int) -> Standing:
    outages = [step.what for step in steps if isinstance(step, Change) and step.what in ("open", "closed")]
    return Standing(
        name=_name(send.destination),
        status=send.status,
        reason=send.reason,
        at=send.settled_at or send.changed_at,
        known_since=event.created_at,
        due_at=send.due_at,
        attempts=attempts,
        is_open=outages[-1:] == ["open"],
    )


def _name(destination: Destination) -> str:
    return f"{destination.get_platform_display()} {destination.pixel_id}"


def _tries_of(send: Send) -> list[Try]:
    missing = set(send.repairs)
    tries: list[Try] = []
    for attempt in sorted(send.tries.all(), key=lambda item: item.number):
        left_out = sorted(key for key in missing if not _holds(attempt.request, key))
        missing -= set(left_out)
        tries.append(_try_of(attempt, left_out))
    return tries


def _holds(request: Mapping[str, Any], key: str) -> bool:
    """Whether the event, or one of its parts, has this key."""
    return key in request or any(key in part for part in request.values() if isinstance(part, dict))


def _try_of(attempt: Attempt, left_out: Sequence[str]) -> Try:
    batch = attempt.batch
    return Try(
        at=batch.started_at,
        host=batch.url_host,
        size=batch.size,
        is_probe=batch.is_probe,
        outcome=batch.outcome,
        next_step=batch.next_step,
        http_status=batch.http_status,
        code=batch.code,
        subcode=batch.subcode,
        left_out=left_out,
    )


def _find_changes(event: CapiEvent, sends: Sequence[Send]) -> dict[UUID, list[Change]]:
    """By destination: what befell its breaker, or its platform's, since the event was planned, and how it was then."""
    found: dict[UUID, list[Change]] = {send.destination_id: [] for send in sends}
    tracks = {send.destination_id: _tracks_of(send) for send in sends}
    if not found:
        return found
    wanted = Q(destination__in=found)
    for platform, hosts in tracks.values():
        wanted |= Q(destination=None, platform=platform, host__in=hosts)
    rows = BreakerChange.objects.filter(wanted)
    since = list(rows.filter(at__gte=event.created_at).order_by("at", "pk")[:_MOST_CHANGES])
    before = rows.filter(at__lt=event.created_at).order_by("destination", "platform", "host", "-at")
    standing = [row for row in before.distinct("destination", "platform", "host") if _stood(row, event.created_at)]
    for pk, (platform, hosts) in tracks.items():
        for row in (*standing, *since):
            if row.destination_id == pk or (row.platform == platform and row.host in hosts):
                found[pk].append(_change_of(row, event.created_at))
    return found


def _tracks_of(send: Send) -> tuple[str, set[str]]:
    """The platform, and the hosts that its requests went to or would go to."""
    destination = send.destination
    usual, _version = PLATFORMS[destination.platform].resolve(base_url=destination.base_url, api_version="")
    return destination.platform, {usual, *(attempt.batch.url_host for attempt in send.tries.all())}


def _stood(row: BreakerChange, moment: datetime) -> bool:
    """Whether the last change before this moment still kept things from being sent."""
    if row.what == "paused":
        return row.until is not None and row.until > moment
    return row.what in ("open", "half_open", "parked")


def _change_of(row: BreakerChange, planned_at: datetime) -> Change:
    return Change(
        at=max(row.at, planned_at),
        what=row.what,
        reason=row.reason,
        until=row.until,
        of_platform=row.destination_id is None,
        is_before=row.at < planned_at,
    )


def _find_replays(event: CapiEvent) -> list[Replay]:
    """Those that named this event."""
    rows = Replay.objects.filter(
        tenant=event.tenant_id, created_at__gte=event.created_at, filters__ids__contains=[event.event_id]
    )
    return list(rows.order_by("created_at")[:_MOST_REPLAYS])


def _presses(send: Send, replays: Sequence[Replay]) -> list[Replayed]:
    """When it was sent again after its end: who asked is known where a replay named it, else only that somebody did."""
    tries = sorted(send.tries.all(), key=lambda item: item.number)
    pairs = pairwise(tries)
    gaps = [(first.batch, second.batch.started_at) for first, second in pairs if first.batch.outcome in _ENDED]
    if tries and tries[-1].batch.outcome in _ENDED and send.status in _WAITING and send.reason == "replayed":
        gaps.append((tries[-1].batch, send.changed_at))
    return [
        _press_in(batch.finished_at or batch.started_at, again, replays)
        for batch, again in gaps
        if not _was_mended(batch.next_step)
    ]


def _was_mended(next_step: str) -> bool:
    """It was refused, but by itself the hub mended it or took its request apart: nobody had to ask."""
    return next_step in ("split_batch", "drop_fbc")


def _press_in(since: datetime, until: datetime, replays: Sequence[Replay]) -> Replayed:
    asked = [row for row in replays if since <= row.created_at <= until]
    return Replayed(at=asked[0].created_at, actor=asked[0].actor) if asked else Replayed(at=until)
