"""How destinations do, read for a page of them at once: breakers, what waits, the version in use, the token."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from django.db import connection
from django.utils.translation import gettext as _

from apps.core.db import database_now
from apps.dispatch.breaker import State
from apps.dispatch.explanations import Explanation, explain
from apps.dispatch.models import Breaker, Circuit, PlatformBreaker, TokenCheck
from apps.dispatch.platform import Target
from apps.dispatch.services.admission import condition_of
from apps.dispatch.services.targets import source_of, stable_target
from apps.dispatch.tokens.selectors import current_check
from apps.funnels.models import Destination
from apps.funnels.selectors import DestinationConfig, published_configs

# Beyond it nobody counts: a page of a hundred destinations must not read a million rows.
COUNTED_UP_TO = 10_000
_BACKLOG = """
SELECT d.id, waiting.rows, parked.rows, waiting.deadline, parked.deadline
FROM unnest(%s::uuid[]) AS d (id)
CROSS JOIN LATERAL (SELECT count(*) AS rows, min(deadline) AS deadline FROM (
    SELECT deadline FROM dispatch_send WHERE destination_id = d.id
    AND status IN ('pending', 'retrying', 'sending') LIMIT %s) AS s) AS waiting
CROSS JOIN LATERAL (SELECT count(*) AS rows, min(deadline) AS deadline FROM (
    SELECT deadline FROM dispatch_send WHERE destination_id = d.id AND status = 'parked' LIMIT %s) AS s) AS parked
"""


class Standing(StrEnum):
    """What is most to be said of a destination, the most urgent first."""

    PARKED = "parked"  # waits for a person
    PAUSED = "paused"  # the platform asked to be left alone
    OPEN = "open"  # the last requests failed
    PROBING = "probing"  # one request tries whether it works again
    OK = "ok"


class Backlog(NamedTuple):
    """Sends that are not settled; `has_more` where more than COUNTED_UP_TO were not counted."""

    waiting: int
    parked: int
    has_more: bool
    earliest_deadline: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """`own` is None where nothing was ever sent. `until` ends a pause, or is when it is tried again."""

    destination: Destination
    standing: Standing
    reason: str
    words: Explanation
    own: Breaker | None
    until: datetime | None
    backlog: Backlog
    target: Target
    canary_version: str
    canary_percent: int
    token: TokenCheck | None


def describe_health(destinations: Sequence[Destination]) -> list[Health]:
    """In the order given, in five statements; `breaker` and `token_check` are read of each, so select them."""
    now = database_now()
    configs = published_configs(row.funnel_id for row in destinations)
    sources = [source_of(row, configs.get(row.funnel_id)) for row in destinations]
    targets = [_target(row, source, now) for row, source in zip(destinations, sources, strict=True)]
    hosts = _platform_breakers(destinations, targets)
    backlogs = _backlogs([row.pk for row in destinations])
    return [
        _describe(row, source, target, (hosts.get((row.platform, target.host)), backlogs[row.pk]), now)
        for row, source, target in zip(destinations, sources, targets, strict=True)
    ]


def _describe(
    row: Destination,
    source: DestinationConfig | Destination,
    target: Target,
    found: tuple[PlatformBreaker | None, Backlog],
    now: datetime,
) -> Health:
    platform, backlog = found
    own: Breaker | None = getattr(row, "breaker", None)
    standing, until, reason = _standing([circuit for circuit in (own, platform) if circuit], now)
    return Health(
        destination=row,
        standing=standing,
        reason=reason,
        words=_explain(standing, reason, until),
        own=own,
        until=until,
        backlog=backlog,
        target=target,
        canary_version=source.canary_version,
        canary_percent=source.canary_percent,
        token=current_check(row),
    )


def _standing(circuits: Sequence[Circuit], now: datetime) -> tuple[Standing, datetime | None, str]:
    """Its own breaker goes before its platform's."""
    parked = next((it for it in circuits if isinstance(it, Breaker) and it.parked_reason), None)
    if parked:
        return Standing.PARKED, None, parked.parked_reason
    for circuit in circuits:
        if circuit.paused_until and circuit.paused_until > now:
            return Standing.PAUSED, circuit.paused_until, circuit.reason
    for circuit in circuits:
        if circuit.state != State.CLOSED:
            until = condition_of(circuit).wait_until(now)
            return Standing.OPEN if until else Standing.PROBING, until, circuit.reason
    return Standing.OK, None, ""


def _explain(standing: Standing, reason: str, until: datetime | None) -> Explanation:
    when = {"time": f"{until:%Y-%m-%d %H:%M:%S} UTC" if until else ""}
    if standing is Standing.PARKED:
        return explain(reason)
    if standing is Standing.PAUSED:
        return Explanation(
            _("The platform asked for a pause until %(time)s.") % when,
            _("Nothing needs to be done: sending goes on by itself after the pause."),
        )
    if standing is Standing.OPEN:
        return Explanation(
            _("The last requests failed by the platform's fault. The next try is at %(time)s.") % when,
            _("Nothing needs to be done: what waits loses nothing but time."),
        )
    if standing is Standing.PROBING:
        return Explanation(
            _("The last requests failed by the platform's fault. A single one now tries whether it works again."),
            _("Nothing needs to be done: what waits loses nothing but time."),
        )
    return Explanation(_("Events are sent as they come."), _("Nothing needs to be done."))


def _target(row: Destination, source: DestinationConfig | Destination, now: datetime) -> Target:
    own: Breaker | None = getattr(row, "breaker", None)
    return stable_target(row, source, own.refused_version if own else "", now)


def _platform_breakers(
    destinations: Sequence[Destination], targets: Sequence[Target]
) -> Mapping[tuple[str, str], PlatformBreaker]:
    rows = PlatformBreaker.objects.filter(
        platform__in={row.platform for row in destinations}, host__in={target.host for target in targets}
    )
    return {(row.platform, row.host): row for row in rows}


def _backlogs(keys: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, Backlog]:
    with connection.cursor() as cursor:
        cursor.execute(_BACKLOG, [list(keys), COUNTED_UP_TO + 1, COUNTED_UP_TO + 1])
        return {
            pk: Backlog(
                waiting=min(waiting, COUNTED_UP_TO),
                parked=min(parked, COUNTED_UP_TO),
                has_more=max(waiting, parked) > COUNTED_UP_TO,
                earliest_deadline=min((it for it in deadlines if it), default=None),
            )
            for pk, waiting, parked, *deadlines in cursor.fetchall()
        }
