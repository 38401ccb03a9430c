"""Stripe's words and paths.

One type can mean several things, so a row may go on with the values found at the paths that DETAILS names;
the longest row that fits counts. The same money is told up to four times: by the checkout session, the
payment intent, the charge and the invoice. A sale is taken from the session, and a renewal, which has none,
from the invoice.
"""

from apps.gateways.events import Kind

DETAILS = {
    "checkout.session.completed": ("data.object.payment_status", "data.object.mode"),
    "invoice.paid": ("data.object.billing_reason",),
    "charge.dispute.created": ("data.object.status",),
    "charge.dispute.closed": ("data.object.status",),
}

USEFUL = {
    "checkout.session.completed paid": Kind.APPROVED,
    "checkout.session.completed unpaid": Kind.PAYMENT_PENDING,  # "completed" is the form, not the payment
    "checkout.session.completed no_payment_required payment": Kind.APPROVED,  # a coupon for the whole price
    "checkout.session.completed no_payment_required subscription": Kind.TRIAL_STARTED,
    "checkout.session.async_payment_succeeded": Kind.APPROVED,
    "checkout.session.async_payment_failed": Kind.EXPIRED,  # a boleto or Pix that was never paid
    "checkout.session.expired": Kind.ABANDONED_CHECKOUT,
    "invoice.paid subscription_cycle": Kind.RENEWED,
    "charge.refunded": Kind.REFUNDED,  # partial unless the charge's own `refunded` is true
    "charge.dispute.created": Kind.CHARGED_BACK,  # the money is withdrawn at once ...
    "charge.dispute.created warning_needs_response": Kind.DISPUTED,  # ... but not for an inquiry
    "charge.dispute.created warning_under_review": Kind.DISPUTED,
    "charge.dispute.closed won": Kind.DISPUTE_WON,
    "charge.dispute.closed warning_closed": Kind.DISPUTE_WON,  # an inquiry that never became a dispute
    "charge.dispute.closed lost": Kind.CHARGED_BACK,
    "customer.subscription.deleted": Kind.SUBSCRIPTION_CANCELLED,
}
IGNORED = (
    "checkout.session.completed no_payment_required setup",  # a card saved for later
    "invoice.paid",  # the first invoice is the session's sale; a manual one is no ad's doing
    "invoice.payment_succeeded",
    "invoice.payment_failed",
    "invoice.created",
    "invoice.finalized",
    "invoice.updated",
    "payment_intent.created",
    "payment_intent.succeeded",
    "payment_intent.payment_failed",  # the buyer may try again in the same session
    "charge.succeeded",
    "charge.updated",
    "charge.failed",
    "charge.refund.updated",  # also a refund that failed: the money stayed
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.updated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "customer.created",
    "customer.updated",
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.trial_will_end",
)
EVENT_TYPES = USEFUL | dict.fromkeys(IGNORED, Kind.IGNORED)

# Where each object keeps the id that joins its messages into one order. A subscription touches none.
ORDER = {
    "checkout.session": ("payment_intent", "invoice", "subscription", "id"),
    "invoice": ("payment_intent", "id"),  # since API version 2025-03-31 without the intent
    "charge": ("payment_intent", "id"),
    "charge.dispute": ("payment_intent", "charge"),
    "customer.subscription": (),
}
SUBSCRIPTION = {
    "checkout.session": ("subscription",),
    "invoice": ("parent.subscription_details.subscription", "subscription"),
    "customer.subscription": ("id",),
}

# What the buyer pays, after discounts and with tax: of a session, an invoice, and a charge or dispute.
AMOUNT = ("amount_total", "amount_paid", "amount")
# Decimals of the amounts that are not in hundredths. As Stripe counts them, which is not always ISO 4217: MGA
# has none here, while ISK and UGX, without coins today, are still sent in hundredths.
_NONE = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF"
_THREE = "BHD JOD KWD OMR TND"
DECIMALS = dict.fromkeys(_NONE.split(), 0) | dict.fromkeys(_THREE.split(), 3)

PAYMENT_METHODS = {"card": "card", "pix": "pix", "boleto": "boleto"}
# A session's, charge's or dispute's own; an invoice repeats its subscription's, in a place that moved.
METADATA = ("parent.subscription_details.metadata", "subscription_details.metadata", "metadata")
