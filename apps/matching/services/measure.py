"""Measure how far matching can be believed on a tenant's own sales, and fit weights to them."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core.errors import BadInput, NotPossible
from apps.funnels.models import Funnel
from apps.funnels.services import update_funnel
from apps.matching.fitting import MIN_OF_EACH, MIN_ROWS, TierFit, fit_tiers
from apps.matching.grading import Answer, Case, Grade, grade, make_case
from apps.matching.models import FittedWeights, Match, ReviewState
from apps.matching.policies import find_weights
from apps.matching.record import read_record
from apps.matching.rules import Decision
from apps.matching.scoring import WeightSet
from apps.matching.signals import RULES
from apps.matching.weights import PRODUCT
from apps.tenants.models import Tenant

NEWEST = 5_000
"""How many sales are read at most, the newest: a second of the web server's time, and enough to fit on."""
MIN_ANSWERS = 500
_SHARE_FITTED_ON = 0.7
_CHUNK = 1_000
_BY_CLICK_ID = RULES[0].name
_REVIEWED = (ReviewState.ACCEPTED, ReviewState.CHOSEN, ReviewState.REJECTED)


def measure_confidence(tenant_id: uuid.UUID, days: int, weights: str = "") -> Grade:
    """How `weights` (the product's own if empty) do on the sales of the last `days` whose answer is known.

    Reads what was recorded with the matches and looks nothing up, so the same sales always give the same grade.
    """
    using = name_weights(tenant_id, weights, field="weights")
    return grade(_read_cases(tenant_id, days), using)


def name_weights(tenant_id: uuid.UUID, name: str, field: str) -> WeightSet:
    """The set of this name, "" being the product's own; BadInput on `field` when the tenant has none."""
    found = find_weights([(tenant_id, name)])[tenant_id, name]
    if found.name != (name or PRODUCT.name):
        raise BadInput(
            _("This account has no weights of that name."),
            fields={field: _("Use a name from GET /api/v1/matching/weights, or none for the product's own.")},
        )
    return found


def fit_weights(tenant_id: uuid.UUID, days: int, actor: str = "") -> FittedWeights:
    """Fit on the older sales, report on the newer beside the product's own, and keep both; nothing runs with it yet.

    Raises NotPossible when the answers that are known are too few.
    """
    cases = list(_read_cases(tenant_id, days))[::-1]
    cut = round(len(cases) * _SHARE_FITTED_ON)
    older, newer = cases[:cut], cases[cut:]
    if len(cases) < MIN_ANSWERS:
        raise NotPossible(
            _("Fitting needs at least %(needed)d sales whose click is known; the last %(days)d days have %(known)d.")
            % {"needed": MIN_ANSWERS, "days": days, "known": len(cases)}
        )
    fitted, fits = fit_tiers(older, PRODUCT)
    if not any(fit.is_fitted for fit in fits):
        raise NotPossible(
            _(
                "Once the ids are hidden too few clicks are left to learn from: %(clicks)s. Of one kind at least "
                "%(rows)d are needed, with %(each)d right and %(each)d wrong ones among them."
            )
            % {"clicks": _tell_rows(fits), "rows": MIN_ROWS, "each": MIN_OF_EACH}
        )
    report = {
        "days": days,
        "fitted_on": len(older),
        "reported_on": len(newer),
        "tiers": [asdict(fit) for fit in fits],
        "product": grade(newer, PRODUCT).to_json(),
        "fitted": grade(newer, fitted).to_json(),
    }
    return _keep(tenant_id, fitted, report, actor)


def _tell_rows(fits: Sequence[TierFit]) -> str:
    return ", ".join(f"{fit.tier} {fit.rows} ({fit.right} / {fit.rows - fit.right})" for fit in fits)


@transaction.atomic
def _keep(tenant_id: uuid.UUID, fitted: WeightSet, report: dict[str, Any], actor: str) -> FittedWeights:
    # One at a time gets the next number, and nothing that only refers to the tenant has to wait.
    Tenant.objects.select_for_update(no_key=True).get(pk=tenant_id)
    name = f"fitted-{FittedWeights.objects.filter(tenant=tenant_id).count() + 1}"
    kept: FittedWeights = FittedWeights.objects.create(
        tenant_id=tenant_id,
        name=name,
        weights=replace(fitted, name=name).to_json(),
        report=report | {"fitted": report["fitted"] | {"weights": name}},
        actor=actor[:200],
    )
    return kept


def use_weights(funnel: Funnel, name: str, actor: str = "") -> Funnel:
    """Set the draft's weights, "" for the product's own. Publishing makes them run; the same way takes them back."""
    name_weights(funnel.tenant_id, name, field="name")
    return update_funnel(funnel, {"weight_set": name}, actor)


def _read_cases(tenant_id: uuid.UUID, days: int) -> Iterator[Case]:
    """The newest first."""
    rows = _known(tenant_id, days).values_list("record", "evidence", "click__public_id", "review", "confidence")
    for record, evidence, click_id, review, confidence in rows[:NEWEST].iterator(chunk_size=_CHUNK):
        facts, policy = read_record(record, evidence)
        # A match that was used although it was unsure is no answer before a person says so.
        if review or confidence >= policy.auto_threshold:
            yield make_case(facts, policy, Answer(click_id, is_right=review != ReviewState.REJECTED))


def _known(tenant_id: uuid.UUID, days: int) -> QuerySet[Match]:
    """Matches of which it is known whether they are right: by the click's id that came back, or from a person."""
    by_id = Q(rule=_BY_CLICK_ID, decision=Decision.AUTO, is_used=True, review="")
    rows: QuerySet[Match] = Match.objects.filter(
        by_id | Q(review__in=_REVIEWED),
        tenant=tenant_id,
        click__isnull=False,
        conversion__occurred_at__gte=timezone.now() - timedelta(days=days),
        conversion__is_test=False,
    )
    return rows.exclude(record={}).order_by("-pk")
