"""What was in the cart."""

from collections.abc import Iterator

from apps.gateways.events import Item
from apps.gateways.payload import Payload


def read_items(data: Payload) -> tuple[Item, ...]:
    """The products of the bundles; newer bodies list them without bundles too."""
    return tuple(_read_lines(data))


def _read_lines(data: Payload) -> Iterator[Item]:
    bundled = [product for bundle in data.items("bundles") for product in bundle.items("products")]
    for product in bundled or data.items("products"):
        product_id = product.maybe_identifier("id")
        if product_id:
            yield _read_line(product, product_id)


def _read_line(product: Payload, product_id: str) -> Item:
    """A price is that of one piece: in documented orders the prices times the quantities add up to the total."""
    quantity, price = product.maybe_integer("quantity"), product.maybe_money("price")
    return Item(
        product_id=product_id,
        name=product.maybe_text("name") or "",
        quantity=1 if quantity is None else quantity,
        price=None if price is None or quantity is None else price * quantity,
    )
