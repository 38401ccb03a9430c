"""From rows to what a platform's payload is built of."""

from apps.dispatch.meta.payload import ClickFacts, SaleFacts
from apps.dispatch.models import CapiEvent
from apps.funnels.selectors import FunnelConfig


def sale_facts(event: CapiEvent, config: FunnelConfig) -> SaleFacts:
    order = event.conversion
    return SaleFacts(
        event_id=event.event_id,
        event_name=event.event_name,
        event_time=event.event_time,
        value=order.amount,
        currency=order.currency,
        order_id=order.order_id,
        product_id=order.product_id or None,
        product_name=order.product_name or None,
        quantity=1,
        identity=order.identity,
        fallback_url=config.landing_url,
        referrer=None,
    )


def click_facts(event: CapiEvent) -> ClickFacts | None:
    """The matched click, or None. Its session's identity fills what the sale lacks."""
    match = getattr(event.conversion, "match", None)
    if match is None or match.click is None:
        return None
    click = match.click
    return ClickFacts(
        ip=click.ip,
        user_agent=click.user_agent or None,
        fbc=click.fbc or None,
        fbp=click.fbp or None,
        fbclid=click.fbclid or None,
        landing_url=click.landing_url or None,
        clicked_at=click.clicked_at,
        identity=click.session.identity,
    )
