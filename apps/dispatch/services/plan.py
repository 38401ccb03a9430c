"""Which events an order gives, and what happened on a page."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from types import MappingProxyType

from apps.clicks.models import PageEvent
from apps.conversions.models import Conversion
from apps.dispatch.event_id import make_event_id
from apps.dispatch.models import CapiEvent
from apps.dispatch.services.outbox import SALE, write_events
from apps.dispatch.told import find_told_by_pages
from apps.funnels.event_names import PAGE_EVENT_NAMES, event_name_of
from apps.funnels.models import Rollout
from apps.funnels.rollout import is_live
from apps.funnels.selectors import FunnelConfig
from apps.gateways.events import SALES, Kind


def plan_events(
    conversions: Sequence[Conversion],
    configs: Mapping[uuid.UUID, FunnelConfig],
    reviews: Mapping[int, datetime] = MappingProxyType({}),
) -> set[uuid.UUID]:
    """Write the events and sends that these conversions still lack; the destinations that got any.

    `reviews` says of conversions (their keys) whose match is to be reviewed, until when that may take.
    """
    planned: list[CapiEvent] = []
    excluded: dict[str, str] = {}
    waiting: dict[str, datetime] = {}
    for row in conversions:
        events = _new_events(row, configs[row.funnel_id])
        planned += events
        if row.pk in reviews:
            waiting |= dict.fromkeys((event.event_id for event in events), reviews[row.pk])
        if reason := _why_excluded(row, configs[row.funnel_id]):
            excluded |= {event.event_id: reason for event in events}
    told = dict.fromkeys(find_told_by_pages(planned), "told_by_the_page")
    return write_events(planned, configs, excluded=told | excluded, reviews=waiting)


def plan_page_events(pages: Sequence[PageEvent], configs: Mapping[uuid.UUID, FunnelConfig]) -> set[uuid.UUID]:
    """The same for what happened on pages, unless the funnel leaves that to its pixel."""
    planned = [_new_page_event(page) for page in pages if configs[page.session.funnel_id].page_events != "browser_only"]
    return write_events(planned, configs, excluded={}, reviews={})


def _new_page_event(page: PageEvent) -> CapiEvent:
    """Under the id that the browser's pixel was given, so that the platform knows the two for one."""
    return CapiEvent(
        tenant_id=page.tenant_id,
        event_id=page.event_id,
        event_name=PAGE_EVENT_NAMES[page.name],
        stage=page.name,
        page_event=page,
        funnel_id=page.session.funnel_id,
        event_time=page.occurred_at,
        correlation_id=page.session.public_id,
    )


def _new_events(row: Conversion, config: FunnelConfig) -> list[CapiEvent]:
    """One for each stage the order has been through that this funnel gives a name, first things first.

    Of stages that share a name the first is told: an order and a name are one event.
    """
    happened = sorted(_stages(row), key=itemgetter(2))
    named = [(stage, event_name_of(kind, config.event_names), moment) for stage, kind, moment in happened]
    return [
        CapiEvent(
            tenant_id=row.tenant_id,
            event_id=make_event_id(str(row.tenant_id), row.gateway, row.order_id, name),
            event_name=name,
            stage=stage,
            conversion=row,
            funnel_id=row.funnel_id,
            event_time=moment,
            correlation_id=row.correlation_id,
        )
        for stage, name, moment in named
        if name
    ]


def _stages(row: Conversion) -> Iterator[tuple[str, Kind, datetime]]:
    """(stage, what happened, when). A first payment and a renewal are the same stage: no order is sold twice."""
    if row.approved_at:
        yield SALE, Kind.RENEWED if row.is_renewal else Kind.APPROVED, row.approved_at
    for word, moment in row.milestones.items():
        if word not in SALES:
            yield word, Kind(word), datetime.fromisoformat(moment)


def _why_excluded(order: Conversion, config: FunnelConfig) -> str:
    """The reason for which nothing is sent of this order, or ""."""
    if order.is_test:
        return "gateway_test"
    if not _is_live(order):
        return "shadow"
    return "part_of_another_order" if order.parent_order_id and config.child_orders == "exclude" else ""


def _is_live(conversion: Conversion) -> bool:
    endpoint = conversion.endpoint
    if endpoint.rollout != Rollout.LIVE:
        return False
    return is_live(str(endpoint.pk), conversion.order_id, endpoint.live_percent)
