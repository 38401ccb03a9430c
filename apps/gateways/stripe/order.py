"""Which order a Stripe message belongs to, and what that order consists of.

Each object knows other ids. Which of them counts is settled by what the object is, never by which of them is there,
so that the loss of a field is an error and not another order.
"""

import re

from apps.gateways.errors import PayloadError
from apps.gateways.events import Item, Kind
from apps.gateways.payload import Payload
from apps.gateways.stripe import tables

_VERSION = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def read_order_id(payload: Payload, kind: Kind, name: str, *, is_free: bool) -> str | None:
    """`name` is that of the object the message carries."""
    thing = payload.at("data.object")
    if name == "checkout.session":
        return thing.identifier(_session_path(thing, kind, is_free=is_free))
    if name == "invoice":
        return thing.identifier("id")
    if name == "charge":
        return _invoice_of_charge(payload, thing) or _payment_of(payload, thing, "id")
    if name == "charge.dispute":
        return _payment_of(payload, thing, "charge")
    return None


def _session_path(thing: Payload, kind: Kind, *, is_free: bool) -> str:
    """Of nothing, there is no payment: a free purchase and an abandoned checkout are known by the session alone.

    A trial that starts without prorating has not even an invoice (documented), so its subscription stands for it.
    """
    mode = thing.text("mode")
    if kind is Kind.TRIAL_STARTED:
        return "subscription"
    if kind is Kind.ABANDONED_CHECKOUT or (is_free and mode == "payment"):
        return "id"
    return tables.SESSION_ORDER[mode]


def _invoice_of_charge(payload: Payload, thing: Payload) -> str | None:
    """The order of a subscription's charge, as long as charges named it."""
    invoice = thing.maybe_identifier("invoice")
    is_subscription = thing.maybe_text("description") in tables.SUBSCRIPTION_CHARGES
    if invoice is None and is_subscription and _version(payload) < tables.WITHOUT_CHARGE_INVOICE:
        return thing.identifier("invoice")
    return invoice


def _payment_of(payload: Payload, thing: Payload, charge: str) -> str:
    """The payment intent; the charge itself in versions that knew none."""
    intent = thing.maybe_identifier("payment_intent")
    if intent is None and _version(payload) < tables.WITH_PAYMENT_INTENTS:
        return thing.identifier(charge)
    return intent or thing.identifier("payment_intent")


def _version(payload: Payload) -> str:
    """Versions begin with their date, so they compare as text."""
    version = payload.text(tables.VERSION)
    if not _VERSION.match(version):
        raise PayloadError(tables.VERSION, "a version that begins with its date", "string")
    return version


def read_items(thing: Payload, decimals: int) -> tuple[Item, ...]:
    """An invoice's lines are written without discounts and tax, and as a sentence: they tell no price and no name."""
    items = []
    for line in thing.items(*tables.LINES):
        product = line.maybe_identifier(*tables.LINE_PRODUCT)
        is_priced = line.has("amount_total")
        quantity = line.maybe_integer("quantity")
        if product:
            items.append(
                Item(
                    product_id=product,
                    name=(line.maybe_text("description") if is_priced else None) or "",
                    quantity=1 if quantity is None else quantity,
                    price=line.maybe_minor_units("amount_total", decimals=decimals),
                )
            )
    return tuple(items)
