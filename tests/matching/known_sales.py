"""Sales whose click is known, as facts and as stored matches; and weights that score just as a test wants."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import log
from typing import Any

from django.utils import timezone

from apps.clicks.models import Click, Session, Source
from apps.conversions.models import Conversion
from apps.matching.facts import Candidate, Facts, Policy, Sale, Visit
from apps.matching.grading import Answer, Case, make_case
from apps.matching.models import Match
from apps.matching.record import make_record
from apps.matching.rules import Decision, decide
from apps.matching.scoring import TierWeights, WeightSet
from apps.matching.signals import Signal, Tier
from apps.matching.weights import PRODUCT
from apps.tenants.scoping import tenant_scope
from tests.worlds import LANDING, World

PLACED_AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
RIGHT, WRONG, OLDER = "htcright", "htcwrong", "htcolder"
HIDDEN_AWAY = (Signal.CLICK_ID,)
"""What ties a click that nothing leads to once the id is hidden."""


def click(click_id: str, *signals: Signal, hours: float = 48, **more: Any) -> Candidate:
    """Clicked so many hours before the order, in a visit that ended at once."""
    at = PLACED_AT - timedelta(hours=hours)
    return Candidate(0, click_id, at, at, frozenset(signals), **more)


def visit(number: int, *signals: Signal, browser: int = 0, hours: float = 48) -> Visit:
    at = PLACED_AT - timedelta(hours=hours)
    return Visit(0, number, f"hts{number}", at, at, frozenset(signals), browser)


def facts(*candidates: Candidate, visits: Sequence[Visit] = (), carries: str = "known") -> Facts:
    return Facts(Sale(PLACED_AT, carries), candidates, visits)


def case(*candidates: Candidate, answer: str = RIGHT, is_right: bool = True, threshold: float = 0.85) -> Case:
    return make_case(facts(*candidates), Policy(auto_threshold=threshold), Answer(answer, is_right))


def sure_of(**probabilities: float) -> WeightSet:
    """Each tier scores as said, whatever speaks for or against; those not named score a half."""
    biases = {tier: log(p / (1 - p)) for tier in Tier for p in [probabilities.get(tier.value, 0.5)]}
    return WeightSet("as-said", {tier: TierWeights(bias, {}) for tier, bias in biases.items()}, caution=0.85)


def by_email(right: int, wrong: int) -> list[Case]:
    """Once the id is hidden, the e-mail leads to the right click, or only to a wrong one."""
    led = case(click(RIGHT, Signal.CLICK_ID, Signal.EMAIL))
    misled = case(click(RIGHT, *HIDDEN_AWAY), click(WRONG, Signal.EMAIL, visit=1))
    return [led] * right + [misled] * wrong


def by_address(right: int, wrong: int, crowd: int = 1) -> list[Case]:
    led = case(click(RIGHT, Signal.CLICK_ID, Signal.ADDRESS, crowd=crowd))
    misled = case(click(RIGHT, *HIDDEN_AWAY), click(WRONG, Signal.ADDRESS, crowd=crowd, visit=1))
    return [led] * right + [misled] * wrong


def shared_network(sales: int, seed: int = 1) -> list[Facts]:
    """Every buyer's id came back. In quiet networks the click at the address is the buyer's, in crowds a stranger's;
    half of the buyers gave an e-mail, to which an older click of theirs belongs as well."""
    chance = random.Random(seed)
    return [_buyer(chance) for _ in range(sales)]


def _buyer(chance: random.Random) -> Facts:
    is_crowded, at_once = chance.random() < 0.5, chance.random() < 0.6
    crowd, hours = (chance.randint(20, 50) if is_crowded else chance.randint(1, 3)), 0.2 if at_once else 50
    has_address = chance.random() < (0.1 if is_crowded else 0.9)
    own = click(
        RIGHT, Signal.CLICK_ID, *([Signal.ADDRESS] if has_address else []), hours=hours, visit=1,
        crowd=crowd if has_address else 0,
    )  # fmt: skip
    others = [click(WRONG, Signal.ADDRESS, hours=chance.uniform(1, 160), visit=2, crowd=crowd)]
    if chance.random() < 0.5:
        own = replace(own, signals=own.signals | {Signal.EMAIL})
        others.append(click(OLDER, Signal.EMAIL, hours=chance.uniform(60, 160), visit=3))
    return facts(own, *others)


def known(found: Iterable[Facts]) -> list[Case]:
    return [make_case(item, Policy(), Answer(RIGHT)) for item in found]


def store(world: World, found: Sequence[Facts], *, first: int = 1, **changes: Any) -> list[Match]:
    """Matches as they were decided, the oldest first, a second apart; `changes` are of each match."""
    with tenant_scope(world.tenant_id):
        clicks = _clicks(world)
        newest = changes.pop("occurred_at", timezone.now())
        rows = Conversion.objects.bulk_create(
            Conversion(
                tenant_id=world.tenant_id,
                funnel=world.funnel,
                endpoint=world.funnel.endpoints.get(gateway="hotmart"),
                gateway="hotmart",
                order_id=f"HP{first + place}",
                status="approved",
                occurred_at=newest - timedelta(seconds=len(found) - place),
                is_test=changes.get("is_test", False),
            )
            for place in range(len(found))
        )
        changes.pop("is_test", None)
        return Match.objects.bulk_create(
            Match(**_decided(world, item, clicks) | {"conversion": row} | changes)
            for row, item in zip(rows, found, strict=True)
        )


def _decided(world: World, item: Facts, clicks: dict[str, Click]) -> dict[str, Any]:
    own = replace(item, candidates=[replace(it, click_id=_id_of(world, it.click_id)) for it in item.candidates])
    decided = decide(own, Policy(), PRODUCT)
    return {
        "tenant_id": world.tenant_id,
        "click": clicks[decided.evidence[0]["click_id"]] if decided.rule else None,
        "decision": decided.decision,
        "is_used": decided.decision == Decision.AUTO,
        "rule": decided.rule,
        "confidence": decided.confidence,
        "evidence": decided.evidence,
        "record": make_record(own, Policy(), PRODUCT),
        "rule_set": "scored-1 product-1",
    }


def _id_of(world: World, click_id: str) -> str:
    """Public ids are unique in the hub, so each world has its own."""
    return f"{click_id}-{world.tenant_id.hex[:8]}"


def _clicks(world: World) -> dict[str, Click]:
    """One row for each click id that facts here name, whichever sale it is of."""
    visited, _ = Session.objects.get_or_create(
        public_id=_id_of(world, "htsknown"), defaults={"tenant_id": world.tenant_id, "funnel": world.funnel}
    )
    columns = {"tenant_id": world.tenant_id, "funnel": world.funnel, "session": visited}
    more = {"clicked_at": PLACED_AT, "landing_url": LANDING, "source": Source.SCRIPT}
    made = (
        Click.objects.get_or_create(public_id=_id_of(world, name), defaults=columns | more)
        for name in (RIGHT, WRONG, OLDER)
    )
    return {row.public_id: row for row, _ in made}
