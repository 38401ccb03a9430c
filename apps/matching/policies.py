"""From a funnel's published settings to what the rules decide by."""

import uuid
from collections.abc import Iterable

from apps.funnels.selectors import FunnelConfig
from apps.matching.facts import Model, Policy
from apps.matching.models import FittedWeights
from apps.matching.scoring import WeightSet
from apps.matching.weights import PRODUCT, SHIPPED

Asked = tuple[uuid.UUID, str]
"""A tenant, and the name of the weights that one of its funnels runs with; empty for the product's own."""


def policy_of(config: FunnelConfig) -> Policy:
    return Policy(
        window_days=config.attribution_window_days,
        view_through_days=config.view_through_days,
        model=Model(config.attribution_model),
        auto_threshold=config.auto_threshold,
        review_threshold=config.review_threshold,
        uses_unsure=config.uncertain_matches == "auto",
    )


def find_weights(asked: Iterable[Asked]) -> dict[Asked, WeightSet]:
    """The weights of each name; no statement where all are the product's. Unknown names get the product's own."""
    known = {item: SHIPPED.get(item[1], PRODUCT) for item in set(asked)}
    fitted = [item for item in known if item[1] and item[1] not in SHIPPED]
    if fitted:
        rows = FittedWeights.objects.filter(
            tenant__in={tenant for tenant, _ in fitted}, name__in={name for _, name in fitted}
        )
        known |= {
            (row.tenant_id, row.name): WeightSet.from_json(row.weights)
            for row in rows
            if (row.tenant_id, row.name) in known
        }
    return known
