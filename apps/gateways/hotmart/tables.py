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

PAYMENT_METHODS = {"credit_card": "card", "pix": "pix", "billet": "boleto"}

ORDER = ("data.purchase.transaction", "transaction")
# A cart has no transaction: the message's own id stands for it. A cancelled subscription touches no order.
ORDER_BY_KIND = {Kind.ABANDONED_CHECKOUT: ("id",), Kind.SUBSCRIPTION_CANCELLED: ()}
PARENT_ORDER = "data.purchase.order_bump.parent_purchase_transaction"

# `full_price` adds the interest of paying in instalments, which is not the seller's revenue.
PRICE = ("data.purchase.price.value", "price")
CURRENCY = ("data.purchase.price.currency_value", "currency", "currency_code_from")
METHOD = ("data.purchase.payment.type", "payment_type")
INSTALLMENTS = ("data.purchase.payment.installments_number", "installments_number")

PRODUCT = ("data.product.id", "prod")
# What the dashboard's test button sells.
TEST_PRODUCTS = (("data.product.id", "0"), ("prod", "1439"))
OFFER = ("data.purchase.offer.code", "data.offer.code", "off")

SUBSCRIPTION = ("data.subscription.subscriber.code", "data.subscriber.code", "subscriber_code")
RECURRENCE = "data.purchase.recurrence_number"

SOLD_AT = "data.purchase.approved_date"
SOLD_AT_VERSION_1 = "confirmation_purchase_date"
TRACKING_VERSION_1 = ("src", "sck", "xcod")
