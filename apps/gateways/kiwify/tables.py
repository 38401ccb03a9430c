"""Kiwify's words and paths. Where paths are alternatives, an order's comes first, then the flat one of a cart.

The event decides, never the `order_status` beside it, which a subscription's news leaves as it was.
"""

from apps.gateways.events import Kind

EVENT_TYPES = {
    "abandoned": Kind.ABANDONED_CHECKOUT,  # the `status` of a cart, which names no event (seen in real bodies)
    "pix_created": Kind.PAYMENT_PENDING,
    "billet_created": Kind.PAYMENT_PENDING,
    "order_approved": Kind.APPROVED,  # a renewal where the subscription was charged before (charges.py)
    "order_rejected": Kind.REFUSED,
    "order_refunded": Kind.REFUNDED,  # always the whole; parts are not documented
    "chargeback": Kind.CHARGED_BACK,
    "subscription_renewed": Kind.RENEWED,  # documented; an order of its own, as far as is known
    "subscription_late": Kind.SUBSCRIPTION_PAST_DUE,  # documented
    "subscription_canceled": Kind.SUBSCRIPTION_CANCELLED,  # documented; its order stays "paid"
}

# Some senders put the message into an envelope, with its address and its signature beside it.
WRAPPED_IN = ("order", "cart")
ENVELOPE = ("url", "signature")
_MARKS = ("webhook_event_type", "store_id")
TELL_TALES = _MARKS + tuple(f"{name}.{mark}" for name in WRAPPED_IN for mark in _MARKS)
FREE_PATHS = ("Customer.custom_fields",)

ORDER = "order_id"
# A cart has an id of its own, and no order yet. A cancelled subscription touches no order.
ORDER_BY_KIND = {Kind.ABANDONED_CHECKOUT: "id", Kind.SUBSCRIPTION_CANCELLED: None}
WITHOUT_MONEY = frozenset(ORDER_BY_KIND)

# Each message's own moment; `updated_at`, the order's last change, where there is none or it cannot be read. An
# order's times are Brasilia's and name no zone: a real body has 11:53 beside 14:53Z. A cart's are in UTC and say so.
MOMENTS = {
    Kind.ABANDONED_CHECKOUT: ("created_at",),
    Kind.PAYMENT_PENDING: ("created_at",),
    Kind.APPROVED: ("approved_date",),
    Kind.RENEWED: ("approved_date",),
    Kind.REFUNDED: ("refunded_at",),
}

PRODUCT = ("Product.product_id", "product_id")
PRODUCT_NAME = ("Product.product_name", "product_name")
PAYMENT_METHODS = {"credit_card": "card", "pix": "pix", "boleto": "boleto"}

SUBSCRIPTION = ("subscription_id", "Subscription.id")
# Either shows that an order belongs to a subscription, so losing one does not make a renewal a first sale.
SUBSCRIPTION_SIGNS = ("subscription_id", "Subscription")
CHARGES = "Subscription.charges.completed"

# Whom and what the dashboard's test button invents: either is enough, so losing one does not make a test a sale.
TEST_SIGNS = (
    (("Customer.email", "email"), "johndoe@example.com"),
    (PRODUCT_NAME, "Example product"),
)
