"""Appmax's words and names.

The event decides, never the status beside it: Appmax's own test messages call an expired Pix and a chargeback
"aprovado".

A member of a message's `data` has a plain name in the Standard models, and the same name after `order_` in the flat
ones: Two-Level, custom content and old legacy. The two are never mixed. The messages that Appmax sends to apps of its
store look like the old legacy ones, but the plain `total` beside their `order_id` counts cents, as documented.
"""

import re

from apps.gateways.events import Kind

UP_SOLD = "OrderUpSold"
DASHBOARD = {
    "CustomerInterested": Kind.ABANDONED_CHECKOUT,  # documented: an hour after signing up, if no order was made
    "OrderBilletCreated": Kind.PAYMENT_PENDING,
    "OrderPixCreated": Kind.PAYMENT_PENDING,
    # The same money up to four times. OrderPaid comes when the card is authorised and again when it is approved.
    "OrderApproved": Kind.APPROVED,
    "OrderPaid": Kind.APPROVED,
    "OrderPaidByPix": Kind.APPROVED,
    UP_SOLD: Kind.APPROVED,  # documented: a one-click upsell makes the same order larger
    "ChargeSuccess": Kind.RENEWED,  # inferred from its name and from ChargeFailed
    "PaymentNotAuthorized": Kind.REFUSED,
    "PaymentNotAuthorizedWithDelay": Kind.REFUSED,  # the same news, an hour later
    "ChargeFailed": Kind.REFUSED,
    "OrderBilletOverdue": Kind.EXPIRED,
    "OrderPixExpired": Kind.EXPIRED,
    "OrderPartialRefund": Kind.PARTIALLY_REFUNDED,
    "OrderRefund": Kind.REFUNDED,  # always whole: the order ends as "estornado"
    "OrderChargeBackInTreatment": Kind.CHARGED_BACK,
    "OrderChargeBackGain": Kind.DISPUTE_WON,
    "CanceledSubscription": Kind.SUBSCRIPTION_CANCELLED,
    "SubscriptionCancellationEvent": Kind.SUBSCRIPTION_CANCELLED,
    "SubscriptionDelayedEvent": Kind.SUBSCRIPTION_PAST_DUE,
}
# The old legacy model and the messages to apps have words of their own for the same events. Of theirs,
# `subscription_charge_success` and `subscription_charge_failed` are left out: they name no order and count cents, so
# they show up as unknown instead of as a guess.
LEGACY = {
    "customer_interested": "CustomerInterested",
    "order_billet_created": "OrderBilletCreated",
    "order_pix_created": "OrderPixCreated",
    "order_approved": "OrderApproved",
    "order_paid": "OrderPaid",
    "order_paid_by_pix": "OrderPaidByPix",
    "order_up_sold": UP_SOLD,
    "payment_not_authorized": "PaymentNotAuthorized",
    "order_refused_by_risk": "PaymentNotAuthorized",
    "order_billet_overdue": "OrderBilletOverdue",
    "order_pix_expired": "OrderPixExpired",
    "order_partial_refund": "OrderPartialRefund",
    "order_refund": "OrderRefund",
    "order_chargeback_in_treatment": "OrderChargeBackInTreatment",
    "order_charge_back_gain": "OrderChargeBackGain",
    "subscription_cancelation": "SubscriptionCancellationEvent",  # sic
    "subscription_delayed": "SubscriptionDelayedEvent",
}
IGNORED = (
    "OrderAuthorized",  # the card said yes, the check for fraud has not yet
    "OrderAuthorizedWithDelay",
    "OrderIntegrated",  # the money of an approved order, told once more
    "OrderPendingIntegration",
    "CreatedSubscription",  # comes along with the first order
    "CustomerCreated",
    "CustomerContacted",
    "order_authorized",
    "order_authorized_with_delay",
    "payment_authorized_with_delay",
    "order_integrated",
    "order_pending_integration",
    "split_orders",  # how the money of an order is shared
    "subscription_created",
    "customer_created",
    "customer_contacted",
)
EVENT_TYPES = DASHBOARD | dict.fromkeys(IGNORED, Kind.IGNORED)

# News of a customer or a subscription: the `id` is the customer's. A cart takes the customer's id behind a word that no
# order's has, since those are numbers.
OF_CUSTOMERS = frozenset({Kind.ABANDONED_CHECKOUT, Kind.SUBSCRIPTION_CANCELLED, Kind.SUBSCRIPTION_PAST_DUE})
CUSTOMER_ID = ("customer_id", "id")
CUSTOMER_ORDER = "customer-{}"

# Every test from the dashboard is order 1 of customer 1; in the legacy model, which names no customer, order 12844.
# Appmax counts the orders of all its sellers together (one of January 2020 is number 3,173,109), so none is one of
# these again.
TEST_CUSTOMER = "1"
TEST_ORDERS = frozenset({"1", "12844"})

TELL_TALES = ("data.customer_id", "data.order_id", "data.site_id")

# Where a message tells the time of what it reports. OrderUpSold repeats the time at which the first part was paid.
TIMES = {
    Kind.PAYMENT_PENDING: ("pix_creation_date", "created_at"),
    Kind.APPROVED: ("paid_at",),
    Kind.RENEWED: ("paid_at",),
    Kind.PARTIALLY_REFUNDED: ("refunded_at",),
    Kind.REFUNDED: ("refunded_at",),
}

PAYMENT_METHODS = {"CreditCard": "card", "Pix": "pix", "Boleto": "boleto", "Billet": "boleto"}

# Of a customer's latest visit, which holds row numbers and dates as well.
VISIT = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term", "click_id")

# What Appmax's own record of an order may say for an event to be believed. Other events are sent with any status.
_PAID = frozenset({"aprovado", "integrado", "pendente_integracao"})
_CONTESTED = frozenset({"chargeback_em_tratativa", "chargeback_em_disputa", "chargeback_perdido"})
_GONE_BACK = _CONTESTED | {"estornado", "chargeback_vencido"}  # "vencido": the dispute lapsed, for the seller
_SOLD = _PAID | _GONE_BACK | {"autorizado"}  # OrderPaid is sent from the authorisation on
BELIEVABLE = {
    Kind.APPROVED: _SOLD,
    Kind.RENEWED: _SOLD,
    Kind.PARTIALLY_REFUNDED: _PAID | _GONE_BACK,
    Kind.REFUNDED: frozenset({"estornado"}),
    Kind.CHARGED_BACK: _CONTESTED,
    Kind.DISPUTE_WON: _PAID | {"chargeback_vencido"},
}

_REASON = re.compile(r"\s*\|.*", re.DOTALL)


def plain_word(word: str) -> str:
    """An event without the reason behind it: "PaymentNotAuthorized | Reason: ..."."""
    return _REASON.sub("", word, count=1)


def event_of(word: str) -> str:
    """The event in the dashboard's own words."""
    plain = plain_word(word)
    return LEGACY.get(plain, plain)
