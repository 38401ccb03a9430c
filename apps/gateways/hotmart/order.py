"""What a Hotmart order consists of, how it was paid, and who gets which part of its price."""

from collections.abc import Mapping
from decimal import Decimal

from apps.gateways.events import Item
from apps.gateways.hotmart.tables import BUNDLE, METHOD, PAYMENT_METHODS, PRODUCT, PRODUCT_NAME, SHARES
from apps.gateways.payload import Payload


def read_items(payload: Payload, price: Decimal | None) -> tuple[Item, ...]:
    """The parts of a bundle, which have no price of their own, or else the one product."""
    parts = [(part.maybe_identifier("id"), part.maybe_text("name")) for part in payload.items(BUNDLE)]
    bundle = tuple(Item(part_id, name or "") for part_id, name in parts if part_id)
    product_id = payload.maybe_identifier(*PRODUCT)
    if bundle or product_id is None:
        return bundle
    return (Item(product_id, payload.maybe_text(*PRODUCT_NAME) or "", price=price),)


def read_method(payload: Payload) -> str | None:
    method = payload.maybe_text(*METHOD)
    return PAYMENT_METHODS.get(method.lower(), "other") if method else None


def read_shares(payload: Payload, currency: str | None) -> Mapping[str, Decimal]:
    """The sum of each source's shares. One in another currency is left out: abroad, sellers are paid in their own."""
    shares: dict[str, Decimal] = {}
    for share in payload.items(SHARES):
        source, value = share.maybe_text("source"), share.maybe_money("value")
        if source and value is not None and currency and share.maybe_currency("currency_value") == currency:
            shares[source] = shares.get(source, Decimal(0)) + value
    return shares
