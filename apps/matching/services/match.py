"""Decide on conversions, again whenever something new is known of them."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db import connection
from django.utils import timezone

from apps.conversions.models import Conversion
from apps.funnels.selectors import FunnelConfig
from apps.matching.candidates import find_facts
from apps.matching.facts import Facts, Policy
from apps.matching.models import Match, ReviewState
from apps.matching.policies import find_weights, policy_of
from apps.matching.record import make_record
from apps.matching.rules import RULE_SET, Decided, Decision, decide
from apps.matching.scoring import WeightSet
from apps.matching.sql import MATCH_COLUMNS, STORE_MATCHES

_ANSWER = tuple(column for column in MATCH_COLUMNS if column not in ("matched_at", "review_due_at"))
"""What a match says. Without any of it changed, nothing is written."""


def match_conversions(
    conversions: Sequence[Conversion],
    configs: Mapping[uuid.UUID, FunnelConfig],
    told: AbstractSet[int] = frozenset(),
) -> dict[int, Match]:
    """Matches by conversion id, in a constant number of statements whatever the batch's size.

    What is not settled is decided anew, so nothing depends on the order in which facts arrive. A match is settled once
    a person has reviewed it, or its conversion is among `told`: an ad platform may have heard of its sale or click.
    What would be decided by now is then kept beside it.
    """
    former = {match.conversion_id: match for match in Match.objects.filter(conversion__in=conversions)}
    fresh, settled = [], []
    for case in _decide(conversions, configs):
        before = former.get(case.row.pk)
        if before is None or not (case.row.pk in told or _is_reviewed(before)):
            fresh.append(case.make_match(before))
        elif _note_better(before, case.decided):
            settled.append(before)
    fresh = [match for match in fresh if _is_news(match, former.get(match.conversion_id))]
    _store(fresh)
    Match.objects.bulk_update(settled, ["better"])
    return former | {match.conversion_id: match for match in fresh}


@dataclass(frozen=True, slots=True)
class _Case:
    row: Conversion
    config: FunnelConfig
    facts: Facts
    policy: Policy
    weights: WeightSet
    decided: Decided

    def make_match(self, former: Match | None) -> Match:
        decided, now = self.decided, timezone.now()
        is_unsure = decided.decision is Decision.REVIEW
        return Match(
            tenant_id=self.row.tenant_id,
            conversion=self.row,
            click_id=decided.click_pk,
            visit_id=decided.visit_pk,
            decision=decided.decision,
            is_used=decided.decision is Decision.AUTO,
            rule=decided.rule,
            confidence=decided.confidence,
            evidence=decided.evidence,
            record=make_record(self.facts, self.policy, self.weights),
            rule_set=f"{RULE_SET} {self.weights.name}",
            matched_at=now,
            review=ReviewState.PENDING if is_unsure else "",
            review_due_at=self._review_due_at(now, former) if is_unsure else None,
        )

    def _review_due_at(self, now: datetime, former: Match | None) -> datetime:
        """A proposal that changes gets no more time: nothing waits past the deadline that it was given first."""
        return (former and former.review_due_at) or now + timedelta(hours=self.config.review_hours)


def _decide(conversions: Sequence[Conversion], configs: Mapping[uuid.UUID, FunnelConfig]) -> Iterator[_Case]:
    if not conversions:
        return
    asked = {row.pk: (row.tenant_id, configs[row.funnel_id].weight_set) for row in conversions}
    weights = find_weights(asked.values())
    policies = {funnel: policy_of(config) for funnel, config in configs.items()}
    facts = find_facts(conversions, {row.pk: policies[row.funnel_id].window_days for row in conversions})
    for row in conversions:
        policy, using = policies[row.funnel_id], weights[asked[row.pk]]
        decided = decide(facts[row.pk], policy, using)
        yield _Case(row, configs[row.funnel_id], facts[row.pk], policy, using, decided)


def _is_news(match: Match, before: Match | None) -> bool:
    return before is None or any(getattr(match, name) != getattr(before, name) for name in _ANSWER)


def _store(matches: Sequence[Match]) -> None:
    if not matches:
        return
    rows = [{column: getattr(match, column) for column in MATCH_COLUMNS} for match in matches]
    with connection.cursor() as cursor:
        cursor.execute(STORE_MATCHES, [msgspec.json.encode(rows).decode()])
        keys = dict(cursor.fetchall())
    for match in matches:
        match.pk = keys[match.conversion_id]


def _is_reviewed(match: Match) -> bool:
    return match.review not in ("", ReviewState.PENDING)


def _note_better(match: Match, decided: Decided) -> bool:
    """Keep with a settled match what would be decided now, if that is another click and surer; whether it is news."""
    is_other = decided.click_pk is not None and decided.click_pk != match.click_id
    is_surer = decided.confidence > (match.confidence if match.is_used else 0.0)
    better = _outcome(decided) if is_other and is_surer else None
    if better == match.better:
        return False
    match.better = better
    return True


def _outcome(decided: Decided) -> dict[str, Any]:
    return {
        "click_id": decided.evidence[0]["click_id"],
        "decision": decided.decision.value,
        "rule": decided.rule,
        "confidence": decided.confidence,
    }
