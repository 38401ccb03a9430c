"""Ask the platforms about the tokens that are due: each about once an hour, a token that many share once for all.

A check is claimed by moving its next one out of the way, so any number of workers may run; no transaction is open while
a platform is asked. What it says holds for the token that was asked about: one saved meanwhile is asked about anew.
"""

import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import random

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from apps.core.db import database_now, release_connection
from apps.core.log import get_logger
from apps.core.metrics import count
from apps.dispatch.models import TokenCheck
from apps.dispatch.platform import Target
from apps.dispatch.registry import TOKEN_KEEPERS
from apps.dispatch.services.admission import lock_own
from apps.dispatch.services.park import park
from apps.dispatch.services.targets import default_version, source_of, target_of, top_of
from apps.dispatch.tokens.keeper import TokenKeeper
from apps.dispatch.tokens.renewal import renew_token
from apps.dispatch.tokens.rules import (
    Inspection,
    State,
    earliest,
    is_alarming,
    keeps_what_is_known,
    must_renew,
    next_check,
)
from apps.dispatch.verdict import NextStep, Outcome, Verdict
from apps.funnels.models import Destination
from apps.funnels.selectors import published_configs

UNCHECKED = "unchecked"
# A run ends within about a minute, whatever the platforms do; the next one goes on.
RUN_SECONDS = 45.0
CLAIMED_AT_ONCE = 50
ASKED_AT_ONCE = 8
_LEASE = timedelta(minutes=10)
log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Question:
    """One token at one address, and all destinations that it is good for."""

    keeper: TokenKeeper
    target: Target
    destinations: Sequence[Destination]

    def ask(self) -> Inspection:
        return self.keeper.inspect(self.target)


def check_tokens() -> int:
    """Ask about the tokens that are due, for a bounded time; of how many destinations."""
    stop, checked = time.monotonic() + RUN_SECONDS, 0
    while time.monotonic() < stop and (due := _claim(CLAIMED_AT_ONCE)):
        questions = _group(due)
        release_connection()
        with ThreadPoolExecutor(ASKED_AT_ONCE, thread_name_prefix="tokens") as threads:
            answers = list(threads.map(_Question.ask, questions))
        for question, answer in zip(questions, answers, strict=True):
            _learn(question, answer)
        checked += len(due)
        if any(answer.wait_s for answer in answers):
            log.warning("tokens.throttled", rows=checked)
            break
    return checked


def _due() -> QuerySet[Destination]:
    never = Q(token_check__isnull=True)
    replaced = Q(token_check__token_saved_at__lt=F("token_saved_at"))
    rows: QuerySet[Destination] = Destination.objects.filter(platform__in=TOKEN_KEEPERS)
    return rows.filter(never | replaced | Q(token_check__next_at__lte=Now()))


@transaction.atomic
def _claim(limit: int) -> list[Destination]:
    """Those that wait longest; nobody else takes them while they are asked about."""
    held = _due().order_by(F("token_check__next_at").asc(nulls_first=True), "pk").select_related("token_check")
    rows = list(held.select_for_update(skip_locked=True, of=("self",), no_key=True)[:limit])
    now = database_now()
    asked_before = [row.pk for row in rows if _is_known(row)]
    TokenCheck.objects.filter(destination__in=asked_before).update(next_at=now + _LEASE)
    TokenCheck.objects.bulk_create(
        [
            TokenCheck(
                tenant_id=row.tenant_id,
                destination=row,
                token_saved_at=row.token_saved_at,
                checked_at=now,
                next_at=now + _LEASE,
                problem=UNCHECKED,
            )
            for row in rows
            if not _is_known(row)
        ],
        update_conflicts=True,
        unique_fields=["destination"],
        update_fields=[
            *("token_saved_at", "checked_at", "next_at", "state", "expires_at", "data_access_expires_at"),
            *("scopes", "problem", "refreshed_at", "alarmed_at"),
        ],
    )
    return rows


def _is_known(destination: Destination) -> bool:
    """Whether its token, rather than an earlier one, was asked about before."""
    known: TokenCheck | None = getattr(destination, "token_check", None)
    return known is not None and known.token_saved_at >= destination.token_saved_at


def _group(destinations: Sequence[Destination]) -> list[_Question]:
    configs, now = published_configs(row.funnel_id for row in destinations), database_now()
    groups: dict[tuple[str, str, str], list[tuple[Destination, Target]]] = defaultdict(list)
    for row in destinations:
        source = source_of(row, configs.get(row.funnel_id))
        target = target_of(row, source, default_version(row.platform, now))
        groups[row.platform, target.base_url, target.token].append((row, target))
    return [
        _Question(TOKEN_KEEPERS[platform], members[0][1], [row for row, _target in members])
        for (platform, _url, _token), members in groups.items()
    ]


def _learn(question: _Question, answer: Inspection) -> None:
    now = database_now()
    if not must_renew(answer, now) or not renew_token(question.keeper, question.target, question.destinations, now):
        keep_inspection(question.destinations, answer, now)


@transaction.atomic
def keep_inspection(destinations: Sequence[Destination], answer: Inspection, now: datetime) -> None:
    """Write what was said of the token that these share, raise the alarm once, and park if it is dead."""
    saved_at = {row.pk: row.token_saved_at for row in destinations}
    current = TokenCheck.objects.filter(destination__in=saved_at, destination__token_saved_at=F("token_saved_at"))
    held = current.select_for_update(of=("self",)).order_by("pk")
    checks = [check for check in held if check.token_saved_at == saved_at[check.destination_id]]
    for check in checks:
        _write(check, answer, now)
    _alarm([check for check in checks if check.alarmed_at is None], now)
    if answer.state is State.INVALID:
        asked_about = {check.destination_id for check in checks}
        _park([row for row in destinations if row.pk in asked_about], answer, now)


def _write(check: TokenCheck, answer: Inspection, now: datetime) -> None:
    check.problem = answer.problem
    check.next_at = next_check(answer, now, random())  # noqa: S311 - spreads checks, guards nothing
    if not keeps_what_is_known(answer, State(check.state), check.checked_at, now):
        check.state, check.checked_at, check.scopes = answer.state.value, now, list(answer.scopes)
        check.expires_at, check.data_access_expires_at = answer.expires_at, answer.data_access_expires_at
    check.save()


def _alarm(checks: Sequence[TokenCheck], now: datetime) -> None:
    """Once for each token."""
    raised = [
        check
        for check in checks
        if is_alarming(State(check.state), earliest(check.expires_at, check.data_access_expires_at), now)
    ]
    if not raised:
        return
    TokenCheck.objects.filter(pk__in=[check.pk for check in raised]).update(alarmed_at=now)
    first = raised[0]
    log.error(
        "token.alarm",
        destination_id=str(first.destination_id),
        status=first.state,
        reason=first.problem,
        rows=len(raised),
    )
    transaction.on_commit(lambda: count("token_alarms", state=first.state))


def _park(destinations: Sequence[Destination], answer: Inspection, now: datetime) -> None:
    """Before a sale fails. What is parked already knows it."""
    verdict = Verdict(Outcome.TOKEN, NextStep.REPLACE_TOKEN, answer.problem)
    for destination in destinations:
        own = lock_own(destination, top_of(destination), now)
        if not own.parked_reason:
            park(own, verdict, destination.token_saved_at, now)
