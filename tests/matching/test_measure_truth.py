"""Measured confidence beside the truth: what the hub finds without knowing it, in a world in which it is known.

There three addresses carry all phones, which is not what the product's weights were fitted to.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from django.db import transaction

from apps.conversions.models import Conversion
from apps.matching.candidates import find_facts
from apps.matching.facts import Facts, Policy
from apps.matching.fitting import fit_tiers
from apps.matching.grading import Answer, Case, Grade, grade, hide_ids, make_case
from apps.matching.models import Match
from apps.matching.record import read_record
from apps.matching.rules import decide
from apps.matching.services import measure_confidence
from apps.matching.signals import Signal
from apps.matching.weights import PRODUCT
from apps.tenants.scoping import tenant_scope
from apps.tenants.services import create_tenant
from tests.bench.truth.params import Params
from tests.bench.truth.store import tell_world
from tests.bench.truth.world import make_world
from tests.worlds import make_world as make_account

_EVER = 36_500
_PARAMS = Params(sales=1400, carrier_addresses=3)


@dataclass(frozen=True, slots=True)
class Told:
    """`reported` is what the hub measures; `cases` hold, of the same sales, the click that truly brought each; and
    `hidden` stand beside what the hub knows of a sale whose id was lost indeed."""

    reported: Grade
    cases: tuple[Case, ...]
    hidden: tuple[tuple[Facts, Facts], ...]


@cache
def told_world(seed: int) -> Told:
    """Slow, so each is told once. The caller's test has the database."""
    world = make_world(seed, _PARAMS)
    with transaction.atomic():
        account = make_account(create_tenant(name="Truth", email=f"truth-{seed}@example.com"))
        with tenant_scope(account.tenant_id):
            tell_world(world, account)
            reported = measure_confidence(account.tenant_id, _EVER)
            brought = {sale.order_id: sale.brought_by for sale in world.sales}
            known = Match.objects.filter(rule="explicit_click_id", is_used=True).select_related("conversion")
            cases = tuple(
                make_case(*read_record(match.record, match.evidence), Answer(brought[match.conversion.order_id]))
                for match in known.order_by("-pk")
            )
            hidden = _lose_ids([match.conversion for match in known])
        transaction.set_rollback(True)
    return Told(reported, cases, hidden)


def _lose_ids(sales: Sequence[Conversion]) -> tuple[tuple[Facts, Facts], ...]:
    windows = {sale.pk: _PARAMS.window_days for sale in sales}
    carried = find_facts(sales, windows)
    for sale in sales:
        sale.click_ref = sale.session_ref = ""
    lost = find_facts(sales, windows)
    return tuple((hide_ids(carried[sale.pk]), lost[sale.pk]) for sale in sales)


def test_what_is_reported_is_within_two_points_of_the_truth(db: None) -> None:
    told = told_world(1)

    truth = grade(told.cases, PRODUCT)
    reported = told.reported
    assert reported.sales == truth.sales > 400
    assert reported.matched == truth.matched
    assert reported.precision.of == truth.precision.of > 250
    assert abs((reported.precision.value or 0) - (truth.precision.value or 0)) < 0.02
    assert abs((reported.calibration_error or 0) - (truth.calibration_error or 0)) < 0.02


def test_hiding_an_id_is_like_losing_it(db: None) -> None:
    """What a person's other visits have in common is not recorded, so a few come out differently."""
    pairs = told_world(1).hidden

    alike = sum(_choice(hidden) == _choice(lost) for hidden, lost in pairs)
    assert len(pairs) > 400
    assert alike / len(pairs) > 0.98
    assert not any(Signal.CLICK_ID in item.signals for _, lost in pairs for item in lost.candidates)


def _choice(facts: Facts) -> tuple[str, float]:
    decided = decide(facts, Policy(review_threshold=0), PRODUCT)
    return (decided.evidence[0]["click_id"] if decided.rule else "", decided.confidence)


def test_what_is_fitted_to_one_world_claims_better_in_the_next_of_its_kind(db: None) -> None:
    fitted, fits = fit_tiers(told_world(1).cases, PRODUCT)

    own, other = (grade(told_world(2).cases, weights) for weights in (PRODUCT, fitted))
    assert {fit.tier for fit in fits if fit.is_fitted} >= {"shared", "nearby"}
    assert (other.calibration_error or 1) < (own.calibration_error or 0)
    assert (other.precision.value or 0) > 0.99
