"""Clicks and sales planted at known times, and drafts run over them: what a comparison must find is known beforehand.

Clicks have no browser's id. A click whose id, or whose session's id, the sale carries is then sure at any age.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from apps.clicks.models import Click, Session
from apps.conversions.models import Conversion
from apps.core.ids import new_id
from apps.funnels.models import Funnel
from apps.matching.models import Comparison, Difference
from apps.matching.services import start_comparison
from apps.pipeline.stages import compare_batch
from apps.tenants.scoping import tenant_scope, unscoped
from tests.worlds import LANDING, World


def ago(days: float) -> datetime:
    return timezone.now() - timedelta(days=days)


def plant_visit(world: World, at: datetime, **columns: Any) -> Session:
    with tenant_scope(world.tenant_id):
        visit: Session = Session.objects.create(
            public_id=new_id("hts"), funnel=world.funnel, first_seen_at=at, last_seen_at=at, **columns
        )
    return visit


def plant_click(world: World, at: datetime, visit: Session | None = None, **columns: Any) -> Click:
    visit = visit or plant_visit(world, at)
    with tenant_scope(world.tenant_id):
        click: Click = Click.objects.create(
            public_id=new_id("htc"),
            funnel=world.funnel,
            session=visit,
            clicked_at=at,
            landing_url=LANDING,
            source="script",
            **columns,
        )
    return click


def plant_sale(world: World, order_id: str, money: str = "100.00 BRL", days: float = 1, **columns: Any) -> Conversion:
    """Approved so many days ago; `money` is an amount with its currency, or nothing."""
    amount, _space, currency = money.partition(" ")
    at = ago(days)
    with tenant_scope(world.tenant_id):
        values = {
            "funnel": world.funnel,
            "endpoint": world.funnel.endpoints.get(gateway="hotmart"),
            "gateway": "hotmart",
            "order_id": order_id,
            "status": "approved",
            "amount": Decimal(amount) if amount else None,
            "currency": currency,
            "occurred_at": at,
            "approved_at": at,
        }
        sale: Conversion = Conversion.objects.create(**values | columns)
    return sale


def plant_clicked_sale(
    world: World, order_id: str, *, clicked_before: float, money: str = "100.00 BRL", days: float = 1
) -> str:
    """A sale that carries the id of a click so many days older; the click's id."""
    click = plant_click(world, ago(days + clicked_before))
    plant_sale(world, order_id, money, days, click_ref=click.public_id)
    return str(click.public_id)


def plant_two_clicks(world: World, order_id: str, money: str = "100.00 BRL") -> tuple[str, str]:
    """A sale that carries the id of a visit with two clicks, 3 and 2 days older; the clicks' ids, the earlier first."""
    visit = plant_visit(world, ago(4))
    first, last = (plant_click(world, ago(days), visit) for days in (4, 3))
    plant_sale(world, order_id, money, session_ref=visit.public_id)
    return str(first.public_id), str(last.public_id)


def change_draft(world: World, **settings: Any) -> Funnel:
    with unscoped():
        Funnel.objects.filter(pk=world.funnel.pk).update(**settings)
        funnel: Funnel = Funnel.objects.get(pk=world.funnel.pk)
    return funnel


def compare(world: World, days: int = 30, **settings: Any) -> Comparison:
    """A draft with these settings, compared to the end."""
    with unscoped():
        comparison = start_comparison(change_draft(world, **settings), days)
        while compare_batch().rows:
            pass
        comparison.refresh_from_db()
    return comparison


def found(comparison: Comparison) -> dict[str, str]:
    """What becomes of each order that changes."""
    with unscoped():
        rows = Difference.objects.filter(comparison=comparison).select_related("conversion")
        return {row.conversion.order_id: row.kind for row in rows}


def sums(comparison: Comparison) -> dict[str, dict[str, tuple[int, str]]]:
    """By kind and currency: sales and money."""
    return {
        kind: {currency: (item["sales"], item["amount"]) for currency, item in by_currency.items()}
        for kind, by_currency in comparison.summary.items()
    }
