"""Orders in the schema of Utmify, as checkouts send it to Utmify itself: camel case, cents, times in UTC unzoned."""

from datetime import UTC
from decimal import Decimal

from apps.core.identity import Person
from apps.gateways.events import GatewayEvent, Item, Kind
from apps.gateways.orders import tables
from apps.gateways.payload import Payload
from apps.gateways.tracking import keep_tracking

# Senders multiply by 100 in floating point, where 19.90 becomes 1989.9999999999998.
FLOAT_NOISE = Decimal("0.0001")


def is_utmify(payload: Payload) -> bool:
    """Two signs, so that a body which lost one of them is refused for it, and not read as the hub's own schema."""
    return payload.has("orderId") or payload.has("commission")


def read_order(payload: Payload, kind: Kind, word: str) -> GatewayEvent:
    # PHP writes an empty object as an empty list: such a line is none.
    products = [product for product in payload.items("products") if product.has("")]
    first = products[0] if products else Payload({})
    time = tables.UTMIFY_TIMES.get(kind)
    return GatewayEvent(
        kind=kind,
        vendor_event=word,
        order_id=payload.identifier("orderId"),
        occurred_at=payload.maybe_local_time(time, zone=UTC) if time else None,
        amount=_read_cents(payload, "commission.totalPriceInCents"),
        # Documented: a sender may leave the currency out when it is BRL, and `isTest` when it is false.
        currency=payload.maybe_currency("commission.currency") or "BRL",
        is_test=payload.maybe_flag("isTest") or False,
        buyer=_read_buyer(payload.at("customer")),
        buyer_ip=payload.maybe_text("customer.ip"),
        tracking=keep_tracking(payload.strings("trackingParameters")),
        product_id=first.maybe_identifier("id"),
        product_name=first.maybe_text("name"),
        offer_id=first.maybe_identifier("planId"),
        payment_method=_read_method(payload),
        items=tuple(_read_item(product) for product in products),
        net_amount=_maybe_cents(payload, "commission.userCommissionInCents"),
        gateway_fee=_maybe_cents(payload, "commission.gatewayFeeInCents"),
    )


def _read_buyer(customer: Payload) -> Person:
    country = customer.maybe_text("country")
    return Person(
        email=customer.maybe_text("email"),
        phone=customer.maybe_text("phone"),
        phone_country=country or "BR",
        full_name=customer.maybe_text("name"),
        country=country,
    )


def _read_item(product: Payload) -> Item:
    """`priceInCents` is documented as the product's price beside a quantity: that of one."""
    quantity = product.maybe_integer("quantity")
    quantity = 1 if quantity is None else quantity
    price = _maybe_cents(product, "priceInCents")
    return Item(
        product_id=product.maybe_identifier("id") or "",
        name=product.maybe_text("name") or "",
        quantity=quantity,
        price=None if price is None else price * quantity,
    )


def _read_method(payload: Payload) -> str | None:
    method = payload.maybe_text("paymentMethod")
    return tables.UTMIFY_METHODS.get(method, "other") if method else None


def _maybe_cents(payload: Payload, path: str) -> Decimal | None:
    return _read_cents(payload, path) if payload.has(path) else None


def _read_cents(payload: Payload, path: str) -> Decimal:
    """Hundredths of any currency: the name says cents, and nothing is documented for currencies that have none.

    What is no whole number even without the noise is refused by `minor_units`.
    """
    cents = payload.money(path)
    whole = cents.to_integral_value()
    return whole.scaleb(-2) if abs(cents - whole) < FLOAT_NOISE else payload.minor_units(path)
