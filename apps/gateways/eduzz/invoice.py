"""What an invoice of Eduzz sells, how it is paid, and what it is a part of."""

from apps.gateways.eduzz import tables
from apps.gateways.events import Item
from apps.gateways.payload import Payload


def read_items(payload: Payload, currency: str | None) -> tuple[Item, ...]:
    """The main product first. An item's price names a currency of its own; in another than the order's it is left out.

    A cart lists bare ids, and a subscription its products with `id` in place of `productId`.
    """
    lines = [line for place in ("data.items", "data.products") for line in payload.items(place)]
    # Sorting is stable and puts what was added to the order (isBump) behind it.
    lines.sort(key=lambda line: bool(line.maybe_flag("isBump")))
    items = [_read_item(line, currency) for line in lines]
    carted = [Item(product) for entry in payload.items("data.productId") if (product := entry.maybe_identifier(""))]
    return (*(item for item in items if item), *carted)


def _read_item(line: Payload, currency: str | None) -> Item | None:
    product_id = line.maybe_identifier("productId", "id")
    price = line.maybe_money("price.value") if line.maybe_currency("price.currency") == currency else None
    return Item(product_id, line.maybe_text("name") or "", price=price) if product_id else None


def read_method(payload: Payload) -> str | None:
    method = payload.maybe_text(tables.METHOD)
    return tables.PAYMENT_METHODS.get(method.lower(), "other") if method else None


def read_slip(payload: Payload) -> int | None:
    """Which slip of a boleto in instalments this is. Raises PayloadError when it must be one and is not told."""
    is_slip = (payload.maybe_text(tables.METHOD) or "").lower() == tables.IN_SLIPS or payload.has(tables.SLIPS)
    return payload.integer(tables.SLIP) if is_slip else None


def read_parent(payload: Payload) -> str | None:
    """The main sale that an order bump was added to; what names itself, or calls itself the main one, is none."""
    bump = payload.at("data.orderBump")
    main_sale = bump.maybe_identifier("mainSaleId")
    is_main = bump.maybe_flag("isMainSale") or bump.maybe_flag("has") is False
    return None if is_main or main_sale == payload.maybe_identifier(tables.INVOICE) else main_sale
