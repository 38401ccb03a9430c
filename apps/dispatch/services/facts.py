"""From rows to what a platform's payload is built of."""

from datetime import datetime
from decimal import Decimal

from apps.clicks.models import Click, PageEvent, Session
from apps.conversions.models import Conversion
from apps.dispatch.facts import BrowserFacts, EventFacts
from apps.dispatch.models import CapiEvent
from apps.dispatch.subjects import Subject
from apps.funnels.selectors import FunnelConfig


def event_facts(event: CapiEvent, subject: Subject, config: FunnelConfig) -> EventFacts:
    about = event.about
    if isinstance(about, PageEvent):
        return _page_facts(event, about, subject, config)
    return _sale_facts(event, about, config)


def browser_facts(event: CapiEvent, subject: Subject) -> BrowserFacts | None:
    """None for a sale without a click or visit. What the visitor said of themselves fills what the sale lacks."""
    click, page, visit = subject.click, event.page_event, subject.visit
    if page:
        return _browser_of_visit(page.session, click, page_url=page.url, at=page.occurred_at)
    if click:
        return _browser_of_click(click)
    return _browser_of_visit(visit, None, page_url=None, at=visit.first_seen_at) if visit else None


def _sale_facts(event: CapiEvent, order: Conversion, config: FunnelConfig) -> EventFacts:
    return EventFacts(
        event_id=event.event_id,
        event_name=event.event_name,
        event_time=event.event_time,
        value=order.amount,
        currency=order.currency,
        order_id=order.order_id,
        product_ids=[order.product_id] if order.product_id else [],
        product_name=order.product_name or None,
        identity=order.identity,
        fallback_url=config.landing_url,
        referrer=None,
    )


def _page_facts(event: CapiEvent, page: PageEvent, subject: Subject, config: FunnelConfig) -> EventFacts:
    data = page.data
    return EventFacts(
        event_id=event.event_id,
        event_name=event.event_name,
        event_time=event.event_time,
        value=Decimal(data["value"]) if "value" in data else None,
        currency=data.get("currency"),
        order_id=None,
        product_ids=data.get("content_ids", []),
        product_name=data.get("content_name"),
        content_type=data.get("content_type", "product"),
        num_items=data.get("num_items"),
        identity=subject.sale.identity if subject.sale else {},
        fallback_url=config.landing_url,
        referrer=None,
    )


def _browser_of_click(click: Click) -> BrowserFacts:
    return BrowserFacts(
        ip=click.ip,
        user_agent=click.user_agent or None,
        fbc=click.fbc or None,
        fbp=click.fbp or None,
        fbclid=click.fbclid or None,
        ttclid=click.ttclid or None,
        page_url=click.landing_url or None,
        clicked_at=click.clicked_at,
        identity=click.session.identity,
    )


def _browser_of_visit(visit: Session, click: Click | None, *, page_url: str | None, at: datetime) -> BrowserFacts:
    """Address and agent are the visit's own; of the ad's ids the click's where the visit has none."""
    return BrowserFacts(
        ip=visit.ip or (click.ip if click else None),
        user_agent=visit.user_agent or (click.user_agent if click else None),
        fbc=visit.fbc or (click.fbc if click else None),
        fbp=visit.fbp or (click.fbp if click else None),
        fbclid=click.fbclid if click else None,
        ttclid=(click.ttclid or None) if click else None,
        page_url=page_url,
        clicked_at=click.clicked_at if click else at,
        identity=visit.identity,
    )
