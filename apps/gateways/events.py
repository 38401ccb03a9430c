"""The one vocabulary that every gateway's dialect is translated into."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from apps.core.identity import Person


class Kind(StrEnum):
    """What happened to an order or to a subscription. The values are stored: never change one."""

    ABANDONED_CHECKOUT = "abandoned_checkout"  # the buyer left before choosing how to pay
    PAYMENT_PENDING = "payment_pending"  # a Pix code or boleto was issued; many are never paid
    APPROVED = "purchase_approved"  # the money is there: the one and only sale of this order
    RENEWED = "subscription_renewed"  # a later charge of a subscription was paid, an order of its own
    TRIAL_STARTED = "trial_started"  # a subscription began without a charge
    REFUSED = "payment_refused"  # the card, bank or risk check said no
    EXPIRED = "purchase_expired"  # a pending payment was not made in time
    CANCELLED = "purchase_canceled"  # the order was called off before it was paid
    PARTIALLY_REFUNDED = "partially_refunded"  # some of the money went back
    REFUNDED = "refunded"  # all of the money went back
    DISPUTED = "dispute_opened"  # the buyer asks for the money back; nothing has moved yet
    DISPUTE_WON = "dispute_won"  # the dispute ended in the seller's favour; the sale stands
    CHARGED_BACK = "chargeback"  # the bank took the money back
    COMPLETED = "purchase_completed"  # the guarantee period is over: no second sale
    SUBSCRIPTION_CANCELLED = "subscription_canceled"  # there will be no further charges
    SUBSCRIPTION_PAST_DUE = "subscription_past_due"  # a further charge is late
    IGNORED = "ignored"  # known, and of no use: mostly the same money told a second time
    UNKNOWN = "unknown"  # a word that is not in the adapter's table; kept and counted


SALES = frozenset({Kind.APPROVED, Kind.RENEWED})
ORDERLESS = frozenset({Kind.SUBSCRIPTION_CANCELLED, Kind.IGNORED, Kind.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Item:
    """One line of an order. `price` is what the whole line costs, in the order's currency."""

    product_id: str
    name: str = ""
    quantity: int = 1
    price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class GatewayEvent:
    """One thing a gateway reported, in the hub's terms. Personal data is in clear, so it stays in memory.

    `order_id` is None only for the kinds in ORDERLESS. `occurred_at` is aware, in UTC, and None when the body
    tells no time of its own. `amount` is the price the body states for the order (a dispute's: the disputed
    sum) and is set on every sale. `refunded_amount` is what has gone back so far in total; None on a refund
    means the body does not say. `tracking` holds what travelled through the checkout, each value whole and as
    it was written. `buyer_agent` is the user agent of the buyer's browser at the checkout.

    `parent_order_id` names the order this one was added to: an order bump or upsell that the gateway sells as an
    order of its own. `net_amount` is what is left for the account that owns the webhook, `gateway_fee` what the
    gateway keeps, the commissions what goes to the producer and to affiliates; all in `currency`, and None where
    the body does not tell.
    """

    kind: Kind
    vendor_event: str
    delivery_id: str | None = None
    order_id: str | None = None
    occurred_at: datetime | None = None
    amount: Decimal | None = None
    refunded_amount: Decimal | None = None
    currency: str | None = None
    buyer: Person = field(default_factory=Person, repr=False)
    buyer_ip: str | None = field(default=None, repr=False)
    buyer_agent: str | None = field(default=None, repr=False)
    tracking: Mapping[str, str] = field(default_factory=dict)
    product_id: str | None = None
    product_name: str | None = None
    offer_id: str | None = None
    payment_method: str | None = None
    installments: int | None = None
    items: tuple[Item, ...] = ()
    net_amount: Decimal | None = None
    gateway_fee: Decimal | None = None
    producer_commission: Decimal | None = None
    affiliate_commission: Decimal | None = None
    is_test: bool = False
    parent_order_id: str | None = None
    subscription_id: str | None = None
    recurrence: int | None = None
