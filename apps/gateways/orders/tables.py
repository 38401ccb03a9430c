"""The words of both schemas of the orders API. `refused` and `refunded` are in both, and mean the same."""

from apps.gateways.events import Kind

# Documented. It has no word for an expired Pix, a cart, a dispute or a subscription, so none of these is ever read.
UTMIFY = {
    "waiting_payment": Kind.PAYMENT_PENDING,
    "paid": Kind.APPROVED,
    "refused": Kind.REFUSED,
    "refunded": Kind.REFUNDED,
    "chargedback": Kind.CHARGED_BACK,
}
UTMIFY_METHODS = {"credit_card": "card", "pix": "pix", "boleto": "boleto"}
# `createdAt` stays the same in all messages of an order and `approvedDate` in all later ones: each is the time of one
# word only. A refusal has no time of its own. That a chargeback's is in `refundedAt` is inferred.
UTMIFY_TIMES = {
    Kind.PAYMENT_PENDING: "createdAt",
    Kind.APPROVED: "approvedDate",
    Kind.REFUNDED: "refundedAt",
    Kind.CHARGED_BACK: "refundedAt",
}

OWN = {
    "abandoned": Kind.ABANDONED_CHECKOUT,
    "pending": Kind.PAYMENT_PENDING,
    "approved": Kind.APPROVED,
    "renewed": Kind.RENEWED,
    "trial": Kind.TRIAL_STARTED,
    "refused": Kind.REFUSED,
    "expired": Kind.EXPIRED,
    "cancelled": Kind.CANCELLED,
    "partially_refunded": Kind.PARTIALLY_REFUNDED,
    "refunded": Kind.REFUNDED,
    "disputed": Kind.DISPUTED,
    "dispute_won": Kind.DISPUTE_WON,
    "charged_back": Kind.CHARGED_BACK,
    "completed": Kind.COMPLETED,
    "subscription_cancelled": Kind.SUBSCRIPTION_CANCELLED,
}
OWN_METHODS = {"card": "card", "pix": "pix", "boleto": "boleto"}

EVENT_TYPES = OWN | UTMIFY

# In every body of one schema each, and in no other gateway's.
TELL_TALES = ("commission.totalPriceInCents", "occurred_at")
# What an address carried, under names the seller chose.
FREE_PATHS = ("tracking", "trackingParameters")
