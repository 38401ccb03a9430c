"""Publish a funnel's draft, asking first where that would change much of what is matched."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.core.errors import NotPossible
from apps.funnels.models import Funnel, FunnelVersion
from apps.funnels.selectors import FunnelConfig, draft_config, published_configs
from apps.funnels.services import publication_problems, publish_funnel
from apps.matching.comparing import MATCHING_SETTINGS, Summary, add_up, changed_share, count_compared, read_sums
from apps.matching.services.compare import compare_sales, select_sales

LOOKED_AT_DAYS = 7
MAX_SALES, CHUNK = 2_000, 500
LIMIT = Decimal("0.05")
"""The share of the sales, or of one currency's money, up to which a draft is published without asking."""
MIN_SALES = 10
"""Of fewer sales each is so large a share that one would always ask."""


class NeedsConfirmation(NotPossible):
    """Publishing changes more than LIMIT of what was compared; `summary` says what."""

    code = "needs_confirmation"
    title = gettext_lazy("This would change much of what is matched")

    def __init__(self, funnel: Funnel, summary: Summary) -> None:
        self.summary, self.days = summary, LOOKED_AT_DAYS
        self.changed_percent = float(round(changed_share(summary) * 100, 1))
        sentence = _(
            "Of the sales of the last %(days)d days, or of their money, %(percent).1f %% would change. To publish all "
            'the same, send this request with {"confirm": true}. To see each of these sales first, send a POST to '
            "/api/v1/funnels/%(funnel)s/comparisons."
        )
        facts = {"days": self.days, "percent": self.changed_percent, "funnel": funnel.pk}
        super().__init__(sentence % facts)

    @property
    def members(self) -> Mapping[str, Any]:
        summary = [item.to_json() for item in read_sums(self.summary)]
        return {"changed_percent": self.changed_percent, "summary": summary}


@transaction.atomic
def publish_checked(funnel: Funnel, *, confirmed: bool = False) -> FunnelVersion:
    """As funnels' publish_funnel; raises NeedsConfirmation where what is matched would change by more than LIMIT."""
    # What is compared is what is published; sales that refer to the funnel wait for no lock of this kind.
    funnel.refresh_from_db(from_queryset=Funnel.objects.select_for_update(no_key=True))
    draft = draft_config(funnel)
    running = published_configs([funnel.pk]).get(funnel.pk)
    if running and not confirmed and _matches_otherwise(running, draft) and not publication_problems(draft):
        summary = _preview(funnel, running, draft)
        if count_compared(summary) >= MIN_SALES and changed_share(summary) > LIMIT:
            raise NeedsConfirmation(funnel, summary)
    return publish_funnel(funnel)


def _matches_otherwise(running: FunnelConfig, draft: FunnelConfig) -> bool:
    return any(getattr(running, name) != getattr(draft, name) for name in MATCHING_SETTINGS)


def _preview(funnel: Funnel, running: FunnelConfig, draft: FunnelConfig) -> Summary:
    """Of the newest sales alone: somebody waits for the answer."""
    now = timezone.now()
    sales = select_sales(funnel.tenant_id, funnel.pk, now - timedelta(days=LOOKED_AT_DAYS), now)
    rows = list(sales.order_by("-occurred_at", "-pk")[:MAX_SALES])
    summary: Summary = {}
    for start in range(0, len(rows), CHUNK):
        compared = compare_sales(rows[start : start + CHUNK], running, draft)
        summary = add_up(summary, (item.counted() for item in compared))
    return summary
