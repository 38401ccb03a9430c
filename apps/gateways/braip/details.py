"""What a sale consists of, and how its money is shared.

Extras: an entry that cannot be read is left out, and no sale is held back for it.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from apps.gateways.events import Item
from apps.gateways.payload import Payload
from apps.gateways.scalars import COUNT, IDENTIFIER, MINOR_UNITS, TEXT


@dataclass(frozen=True, slots=True)
class Shares:
    """Who gets how much; None where the body does not tell, or not for everyone of that role."""

    own: Decimal | None
    gateway: Decimal | None
    producer: Decimal | None
    affiliates: Decimal | None


def read_shares(payload: Payload) -> Shares:
    """From the list of commissions, whose values in cents add up to the price.

    The message's `postback_type` is the role of the account it is sent to: with several of that role, which of them
    is not told.
    """
    shares: dict[str, list[int | None]] = defaultdict(list)
    for entry in payload.items("commissions"):
        told = entry.strings("")
        shares[told.get("type", "")].append(MINOR_UNITS.convert(told.get("value")))
    role = payload.maybe_text("postback_type")
    return Shares(
        own=_total(shares[role]) if role and len(shares[role]) == 1 else None,
        gateway=_total(shares["Sistema"]),
        producer=_total(shares["Produtor"]),
        affiliates=_total(shares["Afiliado"]),
    )


def _total(cents: list[int | None]) -> Decimal | None:
    known = [value for value in cents if value is not None]
    return Decimal(sum(known)).scaleb(-2) if known and len(known) == len(cents) else None


def read_items(payload: Payload) -> tuple[Item, ...]:
    """The plan that was bought and its order bumps: a plan is some number of one product, at one price for all."""
    lines = (entry.strings("") for entry in payload.items("trans_items"))
    return tuple(item for line in lines if (item := _read_item(line)))


def _read_item(line: Mapping[str, str]) -> Item | None:
    product_id = IDENTIFIER.convert(line.get("product_key"))
    quantity = COUNT.convert(line.get("plan_amount"))
    cents = MINOR_UNITS.convert(line.get("plan_value"))
    if product_id is None:
        return None
    return Item(
        product_id,
        name=TEXT.convert(line.get("product_name")) or "",
        quantity=1 if quantity is None else quantity,
        price=None if cents is None else Decimal(cents).scaleb(-2),
    )
