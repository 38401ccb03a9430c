"""The record of a decision: with the evidence it holds all that was known, and so reproduces the decision. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from apps.matching.facts import Candidate, Facts, Policy, Sale, Visit
from apps.matching.rules import Decided, decide
from apps.matching.scoring import WeightSet
from apps.matching.signals import Signal


def make_record(facts: Facts, policy: Policy, weights: WeightSet) -> dict[str, Any]:
    """What the evidence does not hold: the sale, the visits without which a click's terms cannot be told, and by what
    it was judged. Keys of rows stay out: they mean nothing elsewhere."""
    return {
        "weights": weights.name,
        "policy": msgspec.to_builtins(policy),
        "sale": {"placed_at": facts.sale.placed_at.isoformat(), "carries": facts.sale.carries},
        "visits": [
            {
                "visit": visit.visit,
                "visit_id": visit.visit_id,
                "first_seen_at": visit.first_seen_at.isoformat(),
                "last_seen_at": visit.last_seen_at.isoformat(),
                "shares": sorted(visit.signals),
                "browser": visit.browser,
            }
            for visit in facts.visits
        ],
        "cut": list(facts.cut),
    }


def read_record(record: Mapping[str, Any], evidence: Sequence[Mapping[str, Any]]) -> tuple[Facts, Policy]:
    sale = record["sale"]
    facts = Facts(
        sale=Sale(datetime.fromisoformat(sale["placed_at"]), sale["carries"]),
        candidates=[_candidate(item) for item in evidence],
        visits=[_visit(item) for item in record["visits"]],
        cut=tuple(record["cut"]),
    )
    return facts, msgspec.convert(record["policy"], Policy)


def decide_again(record: Mapping[str, Any], evidence: Sequence[Mapping[str, Any]], weights: WeightSet) -> Decided:
    """The decision that the stored facts lead to; `weights` are those of the record's name."""
    facts, policy = read_record(record, evidence)
    return decide(facts, policy, weights)


def _candidate(item: Mapping[str, Any]) -> Candidate:
    return Candidate(
        click_pk=0,
        click_id=item["click_id"],
        clicked_at=datetime.fromisoformat(item["clicked_at"]),
        last_seen_at=datetime.fromisoformat(item["last_seen_at"]),
        signals=frozenset(Signal(name) for name in item["shares"]),
        visit=item["visit"],
        browser=item["browser"],
        crowd=item["crowd"],
    )


def _visit(item: Mapping[str, Any]) -> Visit:
    return Visit(
        visit_pk=0,
        visit=item["visit"],
        visit_id=item["visit_id"],
        first_seen_at=datetime.fromisoformat(item["first_seen_at"]),
        last_seen_at=datetime.fromisoformat(item["last_seen_at"]),
        signals=frozenset(Signal(name) for name in item["shares"]),
        browser=item["browser"],
    )
