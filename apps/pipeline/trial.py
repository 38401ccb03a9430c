"""An adapter's next version, tried on live traffic beside the one in use (docs/adr/0010)."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

from apps.conversions.models import AdapterComparison
from apps.conversions.services import NewDelivery, keep_comparisons
from apps.core.log import current_request_id, get_logger
from apps.funnels.selectors import LiveEndpoint
from apps.gateways.base import Adapter
from apps.gateways.errors import PayloadError
from apps.gateways.events import GatewayEvent, Kind
from apps.gateways.request import WebhookRequest
from apps.pipeline.reading import new_deliveries

T = TypeVar("T")
NOT_READ = "not read"
log = get_logger(__name__)


def try_candidate(
    candidate: Adapter, current: Adapter, endpoint: LiveEndpoint, request: WebhookRequest
) -> list[GatewayEvent]:
    """What the candidate reads; nothing when it cannot. How that differs from what the one in use reads is kept."""
    now, marked = datetime.now(UTC), current_request_id()

    def read(adapter: Adapter) -> tuple[list[GatewayEvent], list[NewDelivery]]:
        # Each decodes the body for itself: a candidate may do anything with what it is given.
        events = adapter.parse(request.with_body(request.body))
        return events, new_deliveries(endpoint, events, received_at=now, correlation_id=marked)

    before, after = _harmlessly(read, current), _harmlessly(read, candidate)
    versions, mine = (current.version, candidate.version), before and before[1]
    # A reading that cannot even be stored is none.
    if not _harmlessly(compare, endpoint, versions, mine, after and after[1]):
        _harmlessly(compare, endpoint, versions, mine, None)
    return after[0] if after else []


def _harmlessly(step: Callable[..., T], *args: Any) -> T | None:
    """A version on trial may fail in any way, and so may keeping what it read: no sale is lost for it."""
    try:
        return step(*args)
    except PayloadError:
        return None
    except Exception as error:
        log.exception("trial.failed", exc_info=error)
        return None


def compare(
    endpoint: LiveEndpoint,
    versions: tuple[int, int],
    current: Sequence[NewDelivery] | None,
    candidate: Sequence[NewDelivery] | None,
) -> bool:
    """Keep how the two readings of one webhook differ, order by order; `versions` are the one in use and the other."""
    mine, other = _by_order(current), _by_order(candidate)
    rows = []
    for order_id in sorted(mine.keys() | other.keys()):
        before, after = mine.get(order_id), other.get(order_id)
        rows.append(
            AdapterComparison(
                tenant_id=endpoint.tenant_id,
                endpoint_id=endpoint.id,
                version=versions[0],
                candidate=versions[1],
                order_id=order_id,
                currency=_currency(before) or _currency(after),
                amount=_amount(before),
                candidate_amount=_amount(after),
                differences=_differences(before, after),
            )
        )
    keep_comparisons(endpoint.tenant_id, rows)
    return True


def _by_order(deliveries: Sequence[NewDelivery] | None) -> dict[str, NewDelivery]:
    return {item.order_id: item for item in deliveries or () if item.kind is not Kind.UNKNOWN}


def _differences(before: NewDelivery | None, after: NewDelivery | None) -> list[dict[str, Any]]:
    """[{"field", "current", "candidate"}], as texts; of a person hashes only, for they are shown outside."""
    mine, other = _members(before), _members(after)
    return [
        {"field": name, "current": mine.get(name, ""), "candidate": other.get(name, "")}
        for name in sorted(mine.keys() | other.keys())
        if mine.get(name) != other.get(name)
    ]


def _members(delivery: NewDelivery | None) -> dict[str, str]:
    if delivery is None:
        return {"kind": NOT_READ}
    fact = delivery.fact.to_json() if delivery.fact else {"kind": delivery.kind.value}
    return {name: str(value) for name, value in fact.items() if name != "buyer_ip"}


def _amount(delivery: NewDelivery | None) -> Decimal | None:
    return delivery.fact.amount if delivery and delivery.fact else None


def _currency(delivery: NewDelivery | None) -> str:
    return delivery.fact.currency if delivery and delivery.fact else ""
