"""What a sale is: its currency, how it was paid, what was sold, and the sale it was added to."""

from apps.gateways.events import Item
from apps.gateways.payload import Payload
from apps.gateways.perfectpay import tables


def read_currency(payload: Payload) -> str:
    """The code, or from bodies without it the number that stands for the same."""
    by_number = tables.CURRENCIES.get(payload.maybe_identifier("currency_enum") or "")
    if by_number and not payload.has("currency_enum_key"):
        return by_number
    return payload.currency("currency_enum_key", "currency_enum")


def read_method(payload: Payload) -> str | None:
    number = payload.maybe_identifier("payment_type_enum") or tables.NO_METHOD
    return None if number == tables.NO_METHOD else tables.PAYMENT_METHODS.get(number, "other")


def read_items(payload: Payload) -> tuple[Item, ...]:
    """The product. No price of a line is told: `sale_amount` has the freight in it.

    `plan_itens` is left alone, since only empty ones were ever seen.
    """
    code = payload.maybe_identifier("product.code")
    if code is None:
        return ()
    return (Item(code, payload.maybe_text("product.name") or "", payload.maybe_integer("quantity") or 1),)


def read_parent(payload: Payload) -> str | None:
    """Inferred: an order bump or upsell that has an `original_code` names the sale before it there.

    Without that format it may as well be the boleto that a regenerated one replaced.
    """
    if payload.maybe_text("payment_format_enum_key") not in tables.ADDED_FORMATS:
        return None
    parent = payload.maybe_identifier("original_code")
    return None if parent == payload.identifier("code") else parent
