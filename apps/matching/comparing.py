"""What a draft would change: two outcomes of one sale set side by side, and what the differences add up to. Pure.

A summary is JSON: {kind: {currency: {"sales": 3, "amount": "591.000"}}}. Its kinds are those of Change, and COMPARED
for all that was looked at; a sale without an amount counts as a sale and adds no money.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from apps.matching.rules import Decided, Decision

COMPARED = "compared"
MATCHING_SETTINGS = (
    *("attribution_window_days", "view_through_days", "attribution_model", "auto_threshold", "review_threshold"),
    *("uncertain_matches", "weight_set"),
)
"""The members of a configuration that decide which click is used."""

Summary = Mapping[str, Mapping[str, Mapping[str, Any]]]
_NOTHING = Decimal("0.000")


class Change(StrEnum):
    """What becomes of a sale: a click or visit is used that was not, none any more, or another one."""

    GAINED = "gained"
    LOST = "lost"
    MOVED = "reattributed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one configuration makes of a sale. `click_id` is also the click that a person would be asked about."""

    decision: Decision
    rule: str
    confidence: float
    click_id: str = ""
    visit_pk: int | None = None

    @property
    def used(self) -> str:
        """What would be told to the platforms without asking anybody; empty for nothing."""
        if self.decision is not Decision.AUTO:
            return ""
        return self.click_id or f"visit {self.visit_pk}"

    def to_json(self) -> dict[str, Any]:
        return {
            "decision": self.decision.value,
            "rule": self.rule,
            "confidence": self.confidence,
            "click_id": self.click_id,
        }


@dataclass(frozen=True, slots=True)
class Sum:
    """So many sales of one kind and currency, and their money."""

    kind: str
    currency: str
    sales: int
    amount: Decimal

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "currency": self.currency, "sales": self.sales, "amount": str(self.amount)}


@dataclass(frozen=True, slots=True)
class Compared:
    """One sale as a summary counts it."""

    currency: str
    amount: Decimal | None
    change: Change | None


def outcome_of(decided: Decided) -> Outcome:
    click_id = decided.evidence[0]["click_id"] if decided.click_pk is not None else ""
    return Outcome(decided.decision, decided.rule, decided.confidence, click_id, decided.visit_pk)


def find_change(before: Outcome, after: Outcome) -> Change | None:
    """None where the same is used, however sure it is and whatever rule found it."""
    if before.used == after.used:
        return None
    if not before.used:
        return Change.GAINED
    return Change.MOVED if after.used else Change.LOST


def add_up(summary: Summary, sales: Iterable[Compared]) -> dict[str, dict[str, dict[str, Any]]]:
    """`summary` with these sales added to it."""
    totals = {(item.kind, item.currency): (item.sales, item.amount) for item in read_sums(summary)}
    for sale in sales:
        for kind in (COMPARED, sale.change) if sale.change else (COMPARED,):
            count, amount = totals.get((kind, sale.currency), (0, _NOTHING))
            totals[kind, sale.currency] = count + 1, amount + (sale.amount or _NOTHING)
    added: dict[str, dict[str, dict[str, Any]]] = {}
    for (kind, currency), (count, amount) in totals.items():
        added.setdefault(str(kind), {})[currency] = {"sales": count, "amount": str(amount)}
    return added


def read_sums(summary: Summary) -> Iterator[Sum]:
    """Always in the same order: what was compared, then what changes, each by currency."""
    for kind in (COMPARED, *Change):
        for currency, item in sorted(summary.get(kind, {}).items()):
            yield Sum(str(kind), currency, item["sales"], Decimal(item["amount"]))


def count_compared(summary: Summary) -> int:
    return sum(item.sales for item in read_sums(summary) if item.kind == COMPARED)


def changed_share(summary: Summary) -> Decimal:
    """The largest of these shares, from 0 to 1: of the sales that change, and of each currency's money that does."""
    sums = list(read_sums(summary))
    shares = [_share((item.kind, Decimal(item.sales)) for item in sums)]
    shares += [
        _share((item.kind, item.amount) for item in sums if item.currency == currency)
        for currency in {item.currency for item in sums}
    ]
    return max(shares)


def _share(parts: Iterable[tuple[str, Decimal]]) -> Decimal:
    changed = whole = Decimal()
    for kind, value in parts:
        if kind == COMPARED:
            whole += value
        else:
            changed += value
    return changed / whole if whole else Decimal()


def differing_settings(running: Mapping[str, Any], draft: Mapping[str, Any]) -> list[dict[str, Any]]:
    """[{"name", "running", "draft"}] of the matching settings that are not the same."""
    return [
        {"name": name, "running": running[name], "draft": draft[name]}
        for name in MATCHING_SETTINGS
        if running[name] != draft[name]
    ]
