"""What Kiwify's `Commissions` tell of an order: integer cents, as a number or as text."""

from dataclasses import replace
from decimal import Decimal

from apps.gateways.events import GatewayEvent
from apps.gateways.payload import Payload


def with_money(event: GatewayEvent, commissions: Payload) -> GatewayEvent:
    """The event with what was charged and how it is shared.

    The fee names a currency of its own; one that is not the charge's is left out. The base price beside the charge
    is the product's in the catalogue, before coupons and instalments, and never stands in for it.
    """
    amount, currency = commissions.minor_units("charge_amount"), commissions.currency("currency")
    fee = commissions.maybe_minor_units("kiwify_fee")
    fee_currency = commissions.maybe_currency("kiwify_fee_currency")
    return replace(
        event,
        amount=amount,
        currency=currency,
        items=tuple(replace(item, price=amount) for item in event.items),
        net_amount=commissions.maybe_minor_units("my_commission"),
        gateway_fee=fee if fee_currency in (None, currency) else None,
        producer_commission=_share_of("producer", commissions),
        affiliate_commission=_share_of("affiliate", commissions),
    )


def _share_of(role: str, commissions: Payload) -> Decimal | None:
    """The sum over everyone in a role; None where nobody is in it."""
    stores = [store for store in commissions.items("commissioned_stores") if store.maybe_text("type") == role]
    shares = [share for store in stores if (share := store.maybe_minor_units("value")) is not None]
    return sum(shares, Decimal(0)) if shares else None
