"""Stripe's words and paths.

One type can mean several things: its rows go on with the values found at the paths that DETAILS names. Every such
row is listed, so a new status, mode or reason is unknown instead of a guess. The same money is told up to four times:
by the checkout session, the payment intent, the charge and the invoice. A sale is taken from the session, and a
renewal, which has none, from the invoice.
"""

from apps.gateways.events import Kind

DETAILS = {
    "checkout.session.completed": ("data.object.payment_status", "data.object.mode"),
    "checkout.session.async_payment_succeeded": ("data.object.mode",),
    "checkout.session.async_payment_failed": ("data.object.mode",),
    "checkout.session.expired": ("data.object.mode",),
    "invoice.paid": ("data.object.billing_reason",),
    "charge.dispute.created": ("data.object.status",),
    "charge.dispute.closed": ("data.object.status",),
}

USEFUL = {
    "checkout.session.completed paid payment": Kind.APPROVED,
    "checkout.session.completed paid subscription": Kind.APPROVED,
    "checkout.session.completed unpaid payment": Kind.PAYMENT_PENDING,  # "completed" is the form, not the payment
    "checkout.session.completed unpaid subscription": Kind.PAYMENT_PENDING,
    "checkout.session.completed no_payment_required payment": Kind.APPROVED,  # a coupon for the whole price
    "checkout.session.completed no_payment_required subscription": Kind.TRIAL_STARTED,
    "checkout.session.async_payment_succeeded payment": Kind.APPROVED,
    "checkout.session.async_payment_succeeded subscription": Kind.APPROVED,
    "checkout.session.async_payment_failed payment": Kind.EXPIRED,  # a boleto or Pix that was never paid
    "checkout.session.async_payment_failed subscription": Kind.EXPIRED,
    "checkout.session.expired payment": Kind.ABANDONED_CHECKOUT,
    "checkout.session.expired subscription": Kind.ABANDONED_CHECKOUT,
    "invoice.paid subscription_cycle": Kind.RENEWED,  # unless nothing was paid
    "charge.refunded": Kind.REFUNDED,  # partial unless the charge's own `refunded` is true
    "charge.dispute.created needs_response": Kind.CHARGED_BACK,  # the money is withdrawn at once ...
    "charge.dispute.created under_review": Kind.CHARGED_BACK,
    "charge.dispute.created lost": Kind.CHARGED_BACK,  # bank debits leave nothing to contest (inferred)
    "charge.dispute.created warning_needs_response": Kind.DISPUTED,  # ... but not for an inquiry
    "charge.dispute.created warning_under_review": Kind.DISPUTED,
    "charge.dispute.closed won": Kind.DISPUTE_WON,
    "charge.dispute.closed warning_closed": Kind.DISPUTE_WON,  # an inquiry that never became a dispute
    "charge.dispute.closed lost": Kind.CHARGED_BACK,
    "customer.subscription.deleted": Kind.SUBSCRIPTION_CANCELLED,
}
IGNORED = (
    "checkout.session.completed no_payment_required setup",  # a card saved for later
    "checkout.session.expired setup",
    "invoice.paid subscription_create",  # the session's sale, told a second time
    "invoice.paid subscription_update",  # a change of plan, and what follows: no ad's doing
    "invoice.paid subscription_threshold",
    "invoice.paid subscription",  # of before May 2018 (documented)
    "invoice.paid manual",  # written by the seller, or the receipt of a payment that a session tells
    "invoice.paid quote_accept",
    "invoice.paid automatic_pending_invoice_item_invoice",
    "invoice.paid upcoming",
    "invoice.payment_succeeded",
    "invoice.payment_failed",
    "invoice.created",
    "invoice.finalized",
    "invoice.updated",
    "invoice_payment.paid",  # since API version 2025-03-31
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
    "charge.dispute.closed charge_refunded",  # of old versions; the charge tells its refund
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

# What the buyer pays, after discounts and with tax, by the object a message carries. A subscription states none.
AMOUNT = {
    "checkout.session": "amount_total",
    "invoice": "amount_paid",
    "charge": "amount",
    "charge.dispute": "amount",  # the disputed sum
}
REFUNDED = "amount_refunded"  # of a charge: all that went back so far
# Decimals of the amounts that are not in hundredths. As Stripe counts them, which is not always ISO 4217: MGA
# has none here, while ISK and UGX, without coins today, are still sent in hundredths.
_NONE = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF"
_THREE = "BHD JOD KWD OMR TND"
DECIMALS = dict.fromkeys(_NONE.split(), 0) | dict.fromkeys(_THREE.split(), 3)

# The id that joins a session to the later messages of its order, by its mode.
SESSION_ORDER = {"payment": "payment_intent", "subscription": "invoice"}
SUBSCRIPTION = {
    "checkout.session": ("subscription",),
    "invoice": ("parent.subscription_details.subscription", "subscription"),  # the second before 2025-03-31
    "customer.subscription": ("id",),
}
# Until that version a charge names its invoice. What Stripe itself writes on a subscription's charge tells whether
# one must be there (both seen in real bodies).
VERSION = "api_version"
WITHOUT_CHARGE_INVOICE = "2025-03-31"
SUBSCRIPTION_CHARGES = frozenset({"Subscription creation", "Subscription update"})
# Until this version there were charges without a payment intent.
WITH_PAYMENT_INTENTS = "2019-02-11"

PAYMENT_METHODS = {"card": "card", "pix": "pix", "boleto": "boleto"}
INSTALLMENTS = "payment_method_details.card.installments.plan.count"

# A session's lines come only from whoever asked for them; an invoice's name their product in a place that moved.
LINES = ("line_items.data", "lines.data")
LINE_PRODUCT = ("pricing.price_details.product", "price.product")

# A session's, charge's or dispute's own; an invoice repeats its subscription's, in a place that moved.
METADATA = ("parent.subscription_details.metadata", "subscription_details.metadata", "metadata")
# Besides, the second holds whichever fields have changed.
FREE_PATHS = (*(f"data.object.{path}" for path in METADATA), "data.previous_attributes")
