"""Use-cases of matching: the only writer of matches."""

import uuid
from collections.abc import Mapping, Sequence

from django.utils import timezone

from apps.conversions.models import Conversion
from apps.funnels.selectors import FunnelConfig
from apps.matching.candidates import find_candidates
from apps.matching.models import Match
from apps.matching.rules import RULE_SET, Candidate, Decision, decide


def match_conversions(conversions: Sequence[Conversion], configs: Mapping[uuid.UUID, FunnelConfig]) -> dict[int, Match]:
    """Matches by conversion id, in three statements whatever the batch's size.

    A match found once is kept: a later fact may match what was unmatched, never move what may have been sent.
    """
    kept = {
        match.conversion_id: match
        for match in Match.objects.filter(conversion__in=conversions).exclude(decision=Decision.UNMATCHED)
    }
    open_sales = [row for row in conversions if row.pk not in kept]
    candidates = find_candidates(open_sales) if open_sales else {}
    matches = [_decide(row, configs[row.funnel_id], candidates) for row in open_sales]
    Match.objects.bulk_create(
        matches,
        update_conflicts=True,
        unique_fields=["conversion"],
        update_fields=["click", "decision", "rule", "confidence", "evidence", "rule_set", "matched_at"],
    )
    return kept | {match.conversion_id: match for match in matches}


def _decide(row: Conversion, config: FunnelConfig, candidates: Mapping[int, list[Candidate]]) -> Match:
    decided = decide(row.occurred_at, config.attribution_window_days, candidates.get(row.pk, []))
    return Match(
        tenant_id=row.tenant_id,
        conversion=row,
        click_id=decided.click_pk,
        decision=decided.decision,
        rule=decided.rule,
        confidence=decided.confidence,
        evidence=decided.evidence,
        rule_set=RULE_SET,
        matched_at=timezone.now(),
    )
