"""Braip's words and paths.

A sale's message is told by its type and by the code of the transaction's status. The label beside the code decides
nothing, nor does a payment date: test messages have one without a payment.
"""

import re

from apps.gateways.events import Kind

# Documented, as numbers or as text. 11 and 12 were only seen in the hands of sellers who are paid on delivery.
STATUS_CODES = {
    "1": Kind.PAYMENT_PENDING,
    "2": Kind.APPROVED,
    "3": Kind.CANCELLED,
    "4": Kind.CHARGED_BACK,
    "5": Kind.REFUNDED,  # the goods came back; that the money goes back with them is inferred
    "6": Kind.IGNORED,  # under analysis: not refused, and no Pix code or boleto was issued
    "7": Kind.REFUNDED,  # a refund was ordered; no source has a later code for one that was made
    "8": Kind.IGNORED,  # being processed
    "9": Kind.PAYMENT_PENDING,  # some slips of a boleto in instalments are paid, which is not the price
    "10": Kind.EXPIRED,  # overdue; a late payment still makes it a sale
    "11": Kind.PAYMENT_PENDING,  # to be paid on delivery: many of these are never paid
    "12": Kind.CANCELLED,  # the delivery failed, so nothing was paid
}
# VENDA_COMPLETA tells a sale again, with those the buyer added after it; the hub counts each transaction once.
SALE_TYPES = ("STATUS_ALTERADO", "VENDA_COMPLETA")
IGNORED = (
    "BOLETO_ALTERADO",  # a new due date or slip
    "DELIVERY_RESCHEDULED",
    "TRACKING_CODE_ADDED",  # these five tell of a parcel, beside a status told before
    "TRACKING_STATUS_CHANGED",
    "TRACKING_STATUS_DELIVERED",
    "TRACKING_STATUS_OUT_FOR_DELIVERY",
    "TRACKING_STATUS_WAITING_FOR_COLLECTION",
)
OTHER_TYPES = {"ABANDONO": Kind.ABANDONED_CHECKOUT} | dict.fromkeys(IGNORED, Kind.IGNORED)
# Documented codes of a subscription. Nothing tells the type of its messages, so the code itself is their word.
SUBSCRIPTIONS = {
    "1": Kind.IGNORED,  # started; every charge is a sale with messages of its own
    "2": Kind.IGNORED,  # active
    "3": Kind.SUBSCRIPTION_PAST_DUE,
    "4": Kind.SUBSCRIPTION_CANCELLED,  # 4, 5, 6 and 9 differ in who cancelled, and why
    "5": Kind.SUBSCRIPTION_CANCELLED,
    "6": Kind.SUBSCRIPTION_CANCELLED,
    "7": Kind.IGNORED,  # inactive
    "8": Kind.IGNORED,  # expired: it ran to its agreed end
    "9": Kind.SUBSCRIPTION_CANCELLED,
    "10": Kind.IGNORED,  # waiting
}
EVENT_TYPES = (
    {f"{name} {code}": kind for name in SALE_TYPES for code, kind in STATUS_CODES.items()} | OTHER_TYPES | SUBSCRIPTIONS
)

TYPE, STATUS, SUBSCRIPTION_STATUS = "type", "trans_status_code", "subs_status_code"
TRANSACTION, SUBSCRIPTION = "trans_key", "subs_key"
# A late charge names its subscription only, which stands for the order; a cancelled subscription touches none.
ORDER_BY_KIND = {
    Kind.ABANDONED_CHECKOUT: "abandonment_key",
    Kind.SUBSCRIPTION_PAST_DUE: SUBSCRIPTION,
    Kind.SUBSCRIPTION_CANCELLED: None,
}
OF_SUBSCRIPTIONS = frozenset({Kind.SUBSCRIPTION_PAST_DUE, Kind.SUBSCRIPTION_CANCELLED})
MONEYLESS = OF_SUBSCRIPTIONS | {Kind.ABANDONED_CHECKOUT}

# In cents, after discounts and with order bumps. `trans_total_value` adds freight and, in real bodies paid in
# instalments, their interest: neither is what the goods cost.
PRICE = "trans_value"
PAYMENT_METHODS = {
    "1": "boleto",
    "2": "card",
    "3": "boleto",  # in instalments
    "4": "other",  # free
    "5": "pix",
    "6": "other",  # on delivery
}
# Brasilia's time is assumed: no source names a zone. Later messages repeat the payment date of their sale.
CHANGED_AT = "trans_updatedate"
SOLD_AT = "trans_payment_date"

# What the dashboard's test writes in place of keys and buyer, in all of its bodies that were seen. Real keys end in
# other numbers of letters and digits. Two of the three must agree, so that no single field makes or unmakes a test.
TEST_SIGNS = (
    ("plan_key", re.compile(r"plan[0-9]{6}")),
    ("product_key", re.compile(r"pro[0-9]{6}")),
    ("client_email", re.compile(r"cliente@example\.com")),
)
