"""The breakers in the database: who may send now, and what each request's outcome changes. The rules are breaker.py's.

PostgreSQL has the truth. Redis remembers who must wait, so that an outage does not keep the database busy with wake-ups
that come to nothing; it may forget at any time.
"""

import hashlib
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from random import random

from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now

from apps.core.log import get_logger
from apps.core.redis import RedisError, get_redis
from apps.dispatch import breaker as rules
from apps.dispatch.breaker import Admission, Condition, State
from apps.dispatch.fate import FAULTS_OF_THE_PLATFORM
from apps.dispatch.models import Breaker, BreakerChange, Circuit, PlatformBreaker, Send, SendStatus
from apps.dispatch.registry import host_at
from apps.dispatch.verdict import Outcome, Scope, Verdict
from apps.funnels.models import Destination

# Of one tenant at once, over all its destinations: nobody fills the workers.
TENANT_WIDTH = 12
# Longer, and a breaker that somebody closed by hand would stay shut for too long.
_REMEMBERED_S = 30.0
_COMMON = ("failures", "openings", "retry_at", "paused_until", "reason")
_UNDER_WAY = """
SELECT count(*) FILTER (WHERE destination_id = %s), count(*) FROM dispatch_batch
WHERE tenant_id = %s AND finished_at IS NULL AND lease_until > %s
"""
_UNCHANGED = """
SELECT true FROM dispatch_breaker b, dispatch_platformbreaker p
WHERE b.id = %s AND b.changed_at = %s AND p.id = %s AND p.changed_at = %s
"""
log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Gate:
    """A destination's breaker and its platform's, the first one locked, as they were when a request was let through."""

    own: Breaker
    platform: PlatformBreaker
    admission: Admission

    @property
    def was_well(self) -> bool:
        return all(row.state == State.CLOSED and not row.failures for row in (self.own, self.platform))


def digest_token(token: str) -> str:
    """Enough to know destinations that share a token, too little to be one."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()[:16]


def is_known_to_wait(destination_id: uuid.UUID) -> bool:
    """Whether Redis remembers that nothing may be sent there yet."""
    try:
        return bool(get_redis().exists(_key(destination_id)))
    except RedisError:
        return False


def enter(destination: Destination, host: str, top: int, now: datetime) -> Gate:
    """May this destination be sent to, and how much? Call it in a transaction: its breaker stays locked until the end.

    `top` is the most events that its platform takes at once.
    """
    own = lock_own(destination, top, now)
    platform, _created = PlatformBreaker.objects.get_or_create(platform=destination.platform, host=host)
    if own.parked_reason:
        return Gate(own, platform, Admission(0))
    admission = rules.admit(condition_of(own), condition_of(platform), now)
    if not admission.events:
        _remember_wait(destination.pk, admission.until, now)
    elif not _has_room(own, now) or (admission.is_probe and not _take_probe(own, platform, now)):
        admission = Admission(0)
    return Gate(own, platform, replace(admission, events=min(admission.events, top)))


def note_outcome(gate: Gate, verdict: Verdict, top: int, now: datetime) -> None:
    """Let the breakers learn from a request's outcome; in the transaction that settles its sends."""
    if verdict.outcome is Outcome.THROTTLED:
        _pause(gate, verdict, now)
    elif verdict.outcome in FAULTS_OF_THE_PLATFORM:
        spread, destination = random(), str(gate.own.destination_id)  # noqa: S311 - spreads probes, guards nothing
        is_silent = verdict.outcome is Outcome.AMBIGUOUS
        _change(gate.own, lambda it: rules.fail(it, verdict.reason, now, jitter=spread, is_silent=is_silent), now)
        _change(
            gate.platform,
            lambda it: rules.fail(it, verdict.reason, now, jitter=spread, destination=destination),
            now,
        )
    elif not _is_nothing_new(gate, top):
        _change(gate.own, lambda it: rules.succeed(it, top), now)
        _change(gate.platform, lambda it: rules.succeed(it, top), now)


def _is_nothing_new(gate: Gate, top: int) -> bool:
    """Whether a success changes nothing: the breakers are as they were at the claim, and could not be better."""
    if any(_differs(row, rules.succeed(condition_of(row), top)) for row in (gate.own, gate.platform)):
        return False
    with connection.cursor() as cursor:
        cursor.execute(_UNCHANGED, [gate.own.pk, gate.own.changed_at, gate.platform.pk, gate.platform.changed_at])
        return cursor.fetchone() is not None


def condition_of(row: Circuit) -> Condition:
    common = {name: getattr(row, name) for name in _COMMON}
    state = State(row.state)
    if isinstance(row, Breaker):
        return Condition(state=state, **common, width=row.width, allowance=row.allowance)
    failing = row.failing if isinstance(row, PlatformBreaker) else ()
    return Condition(state=state, **common, failing=frozenset(failing))


def lock_own(destination: Destination, top: int, now: datetime) -> Breaker:
    """A newer token is a new chance: what the breaker knew was about the old one."""
    own: Breaker = Breaker.objects.select_for_update().get_or_create(
        destination=destination,
        defaults={
            "tenant_id": destination.tenant_id,
            "token_saved_at": destination.token_saved_at,
            "token_digest": digest_token(destination.access_token),
            "allowance": top,
        },
    )[0]
    if own.token_saved_at < destination.token_saved_at and not own.parked_reason:
        own.token_saved_at, own.token_digest = destination.token_saved_at, digest_token(destination.access_token)
        own.save(update_fields=["token_saved_at", "token_digest"])
        if own.state != State.CLOSED:
            _save(own, rules.start_anew(condition_of(own), now), now)
    return own


def _has_room(own: Breaker, now: datetime) -> bool:
    """Whether one more request may be under way for this destination and for its tenant."""
    with connection.cursor() as cursor:
        cursor.execute(_UNDER_WAY, [own.destination_id, own.tenant_id, now])
        here, of_tenant = cursor.fetchall()[0]
    return bool(here < own.width and of_tenant < TENANT_WIDTH)


def _take_probe(own: Breaker, platform: PlatformBreaker, now: datetime) -> bool:
    """Whether this request is the one that probes; of a platform's breaker many destinations want to be it."""
    if platform.state != State.CLOSED:
        held = PlatformBreaker.objects.select_for_update().get(pk=platform.pk)
        if condition_of(held).wait_until(now):
            return False
        _save(held, rules.begin_probe(condition_of(held), now), now)
    _save(own, rules.begin_probe(condition_of(own), now), now)
    return True


def _change(row: Circuit, rule: Callable[[Condition], Condition], now: datetime) -> None:
    """Apply `rule` to the breaker as it is by now; the usual case, that nothing changes, locks nothing."""
    fresh = type(row)._default_manager.get(pk=row.pk)
    if not _differs(fresh, rule(condition_of(fresh))):
        return
    held = type(row)._default_manager.select_for_update().get(pk=row.pk)
    _save(held, rule(condition_of(held)), now)


def _differs(row: Circuit, after: Condition) -> bool:
    """A platform's breaker has neither width nor allowance: these are each destination's own."""
    before = condition_of(row)
    if isinstance(row, PlatformBreaker):
        after = replace(after, width=before.width, allowance=before.allowance)
    return after != before


def _save(row: Circuit, after: Condition, now: datetime) -> None:
    before = condition_of(row)
    if not _differs(row, after):
        return
    for name in ("state", *_COMMON):
        setattr(row, name, getattr(after, name))
    if isinstance(row, Breaker):
        row.width, row.allowance = after.width, after.allowance
    elif isinstance(row, PlatformBreaker):
        row.failing = sorted(after.failing)
    row.changed_at = now
    row.save()
    if after.state != before.state:
        _note(row, after.state, after.reason or before.reason, after.retry_at)
        if isinstance(row, Breaker):
            _state_changed(row, after, now)
        elif isinstance(row, PlatformBreaker) and after.state is State.OPEN:
            _break_down(row, now)


def _state_changed(own: Breaker, after: Condition, now: datetime) -> None:
    """What failed in an outage costs nothing: once the breaker lets it, all of it is tried as if for the first time."""
    if after.state is State.OPEN:
        _remember_wait(own.destination_id, after.retry_at, now)
        _forgive([own.destination_id])
    elif after.state is State.CLOSED:
        forget_wait(own.destination_id)


def _break_down(platform: PlatformBreaker, now: datetime) -> None:
    """Those of its destinations that nobody holds right now begin gently once it is back."""
    rows = Breaker.objects.filter(destination__platform=platform.platform, state=State.CLOSED).order_by("pk")
    held = rows.select_for_update(skip_locked=True, of=("self",)).select_related("destination")
    there = [own for own in held if host_at(own.destination.platform, own.destination.base_url) == platform.host]
    for own in there:
        _save(own, rules.begin_gently(condition_of(own)), now)
    _forgive([own.destination_id for own in there])


def _forgive(destinations: Sequence[uuid.UUID]) -> None:
    failed = Send.objects.filter(destination__in=destinations, status=SendStatus.RETRYING, failures__gt=0)
    failed.update(failures=0, strikes=0, due_at=Now())


def _pause(gate: Gate, verdict: Verdict, now: datetime) -> None:
    """A token that a customer made belongs to an app of its own: only where the hub has one do all share its limits."""
    rows: list[Circuit] = [gate.own]
    if verdict.scope is Scope.APP and settings.META_APP_ID:
        rows = [gate.platform]
    elif verdict.scope is not Scope.DESTINATION:
        shared = Breaker.objects.filter(
            token_digest=gate.own.token_digest, destination__platform=gate.platform.platform
        )
        rows = list(shared.order_by("pk"))
    for row in rows:
        _change(row, lambda it: rules.pause(it, verdict.reason, now, verdict.retry_after_s), now)
        row.refresh_from_db()
        _note(row, "paused", verdict.reason, row.paused_until)


def _note(row: Circuit, what: str, reason: str, until: datetime | None) -> None:
    own = row if isinstance(row, Breaker) else None
    platform = row if isinstance(row, PlatformBreaker) else None
    BreakerChange.objects.create(
        platform=platform.platform if platform else "",
        host=platform.host if platform else "",
        destination_id=own.destination_id if own else None,
        what=what,
        reason=reason,
        until=until,
    )
    name = str(own.destination_id) if own else str(platform)
    log.warning("breaker.changed", breaker=name, what=what, reason=reason)


def _remember_wait(destination_id: uuid.UUID, until: datetime | None, now: datetime) -> None:
    """After the commit, lest a breaker that never opened be remembered."""
    seconds = min((until - now).total_seconds(), _REMEMBERED_S) if until else 0.0
    if seconds > 0:
        transaction.on_commit(lambda: _tell_redis(destination_id, seconds))


def _tell_redis(destination_id: uuid.UUID, seconds: float) -> None:
    with suppress(RedisError):
        get_redis().set(_key(destination_id), "1", px=max(int(seconds * 1000), 1))


def forget_wait(destination_id: uuid.UUID) -> None:
    """Once it may be sent to again before Redis would have thought so."""
    with suppress(RedisError):
        get_redis().delete(_key(destination_id))


def _key(destination_id: uuid.UUID) -> str:
    return f"breaker:wait:{destination_id}"
