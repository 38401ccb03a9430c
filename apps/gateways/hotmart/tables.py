"""Hotmart's words and paths. Where paths are alternatives, 2.0.0 comes first, then the flat fields of 1.0.0.

The event decides, never the status beside it: documents and real bodies spell that differently.
"""

from apps.gateways.events import Kind

VERSION_2 = {
    "PURCHASE_OUT_OF_SHOPPING_CART": Kind.ABANDONED_CHECKOUT,
    "PURCHASE_BILLET_PRINTED": Kind.PAYMENT_PENDING,  # a Pix code too, whatever the name says
    "PURCHASE_APPROVED": Kind.APPROVED,  # a renewal when its recurrence_number is above 1
    "PURCHASE_COMPLETE": Kind.COMPLETED,  # the guarantee ended, weeks after the sale it repeats
    "PURCHASE_CANCELED": Kind.REFUSED,  # sent with a refusal_reason: the payment failed
    "PURCHASE_EXPIRED": Kind.EXPIRED,
    "PURCHASE_DELAYED": Kind.SUBSCRIPTION_PAST_DUE,
    "PURCHASE_PROTEST": Kind.DISPUTED,  # the buyer asked for a refund
    "PURCHASE_REFUNDED": Kind.REFUNDED,
    "PURCHASE_CHARGEBACK": Kind.CHARGED_BACK,
    "SUBSCRIPTION_CANCELLATION": Kind.SUBSCRIPTION_CANCELLED,
    "SWITCH_PLAN": Kind.IGNORED,
    "UPDATE_SUBSCRIPTION_CHARGE_DATE": Kind.IGNORED,
    "ORDER_FULFILLMENT": Kind.IGNORED,
    "CLUB_FIRST_ACCESS": Kind.IGNORED,
    "CLUB_MODULE_COMPLETED": Kind.IGNORED,
}
# "blocked" is left out: no source tells whether the money moved, so it shows up as unknown instead of as a
# guess.
VERSION_1 = {
    "started": Kind.IGNORED,
    "wayting_payment": Kind.PAYMENT_PENDING,  # sic
    "billet_printed": Kind.PAYMENT_PENDING,
    "approved": Kind.APPROVED,
    "completed": Kind.COMPLETED,
    "canceled": Kind.REFUSED,
    "expired": Kind.EXPIRED,
    "delayed": Kind.SUBSCRIPTION_PAST_DUE,
    "dispute": Kind.DISPUTED,
    "refunded": Kind.REFUNDED,
    "chargeback": Kind.CHARGED_BACK,
}
EVENT_TYPES = VERSION_2 | VERSION_1

# An order's, a cart's, a subscription's, the members' area's, and the token in every body of 1.0.0.
TELL_TALES = (
    "data.purchase.transaction",
    "data.checkout_country",
    "data.subscriber.code",
    "data.subscription.subscriber.code",
    "data.switch_plan_date",
    "data.product.ucode",
    "data.module",
    "creationDate",
    "hottok",
)

PAYMENT_METHODS = {"credit_card": "card", "pix": "pix", "billet": "boleto"}

ORDER = ("data.purchase.transaction", "transaction")
# A cart has no transaction: the message's own id stands for it. A cancelled subscription touches no order.
ORDER_BY_KIND = {Kind.ABANDONED_CHECKOUT: ("id",), Kind.SUBSCRIPTION_CANCELLED: ()}
PARENT_ORDER = "data.purchase.order_bump.parent_purchase_transaction"

# `full_price` adds the interest of paying in instalments, which is not the seller's revenue. Every body about an
# order states both, refunds and protests too (seen in real bodies of each event).
PRICE = ("data.purchase.price.value", "price")
CURRENCY = ("data.purchase.price.currency_value", "currency")
WITHOUT_PRICE = frozenset({Kind.ABANDONED_CHECKOUT, Kind.SUBSCRIPTION_CANCELLED})
METHOD = ("data.purchase.payment.type", "payment_type")
INSTALLMENTS = ("data.purchase.payment.installments_number", "installments_number")

# Who gets a part of the price. A co-producer's share is nobody's field here, and 1.0.0 names no currency.
SHARES = "data.commissions"
GATEWAY, PRODUCER, AFFILIATE = "MARKETPLACE", "PRODUCER", "AFFILIATE"

PRODUCT = ("data.product.id", "prod")
PRODUCT_NAME = ("data.product.name", "prod_name")
BUNDLE = "data.product.content.products"
OFFER = ("data.purchase.offer.code", "data.offer.code", "off")

# What the dashboard's test button sends, two signs at least in each of its bodies (seen in real ones), so that the
# loss of one does not make a test a sale. The product 1439 is documented.
TEST_SIGNS = (
    ("data.product.id", ("0",)),
    ("data.purchase.transaction", ("HP16015479281022", "HP1121336654889")),
    ("data.product.name", ("Produto test postback2 com ç e á", "Product name com ç e á")),  # a cart; a subscription
    ("data.buyer_ip", ("127.0.0.1",)),
    ("data.subscriber.code", ("0000aaaa",)),
    ("prod", ("0", "00000", "1439")),
    ("off", ("test",)),
)

BUYER_IP = ("data.buyer_ip", "data.purchase.buyer_ip")  # the second in orders of 2022, seen in real bodies
SUBSCRIPTION = (
    "data.subscription.subscriber.code",
    "data.purchase.subscription.subscriber.code",  # seen in bodies of 2026
    "data.subscriber.code",
    "subscriber_code",
)
RECURRENCE = ("data.purchase.recurrence_number", "recurrency")

SOLD_AT = "data.purchase.approved_date"
SOLD_AT_VERSION_1 = "confirmation_purchase_date"
TRACKING_VERSION_1 = ("src", "sck", "xcod")
