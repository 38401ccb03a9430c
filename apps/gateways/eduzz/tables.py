"""Eduzz's words and paths.

A message names its application and what happened there. An invoice is one charge and keeps its id from "opened" to
"refunded" (tried with real purchases by an integrator). The status inside decides only where DETAILS asks for it: such
rows go on with what stands there, and any other status is unknown instead of a guess.
"""

from apps.gateways.events import Kind

DETAILS = {
    "myeduzz.invoice_refunded": "data.status",  # the API knows partial refunds; how one is told here is not published
    "myeduzz.contract_updated": "data.contract.status",
}

USEFUL = {
    "sun.cart_abandonment": Kind.ABANDONED_CHECKOUT,
    "myeduzz.invoice_opened": Kind.PAYMENT_PENDING,
    "myeduzz.invoice_waiting_payment": Kind.PAYMENT_PENDING,  # for old webhooks: a subscription's, past its due date
    "myeduzz.invoice_paid": Kind.APPROVED,  # from the second slip of a boleto in instalments on, a renewal
    "myeduzz.invoice_canceled": Kind.CANCELLED,
    "myeduzz.invoice_expired": Kind.EXPIRED,
    "myeduzz.invoice_waiting_refund": Kind.DISPUTED,  # the buyer asked; the money is still here
    "myeduzz.invoice_refunded refunded": Kind.REFUNDED,
    "myeduzz.invoice_chargeback": Kind.CHARGED_BACK,  # seen by integrators; no body of it is public
    "myeduzz.contract_updated canceled": Kind.SUBSCRIPTION_CANCELLED,
    "myeduzz.contract_updated late": Kind.SUBSCRIPTION_PAST_DUE,
    "myeduzz.contract_updated defaulter": Kind.SUBSCRIPTION_PAST_DUE,  # late for longer
}
# invoice_refused and invoice_overdue are left out: an old list names them, no source shows one, newer lists do not.
_IGNORED_INVOICES = "recovering scheduled negotiated"
_IGNORED_STATUSES = "upToDate awaitingPayment suspended trial finished free"
_ATTEMPTS = "card bankslip pix eduzz_balance"  # of charging a subscription; its invoice tells how it went
_OF_OTHER_APPLICATIONS = """
    blinket.attendance_added blinket.attendance_assigned blinket.attendance_canceled blinket.attendance_checkin
    blinket.attendance_edited blinket.attendance_tag_changed blinket.attendances_printed blinket.ticket_edited
    nutror.certificate_viewed nutror.comment_created nutror.community_viewed nutror.enrollment_created
    nutror.file_downloaded nutror.inactive_student nutror.learner_help nutror.lesson_rated nutror.lesson_saved
    nutror.lesson_started nutror.lesson_watched nutror.module_completed nutror.notation_created
"""
IGNORED = (
    "ping",  # when a webhook is switched on
    "myeduzz.commission_processed",  # how the money of a sale is shared, in a message of its own
    "myeduzz.contract_created",  # the first invoice is the sale
    *(f"myeduzz.invoice_{name}" for name in _IGNORED_INVOICES.split()),
    *(f"myeduzz.contract_updated {status}" for status in _IGNORED_STATUSES.split()),
    *(f"myeduzz.contract_{means}_attempted" for means in _ATTEMPTS.split()),
    *_OF_OTHER_APPLICATIONS.split(),
)
EVENT_TYPES = USEFUL | dict.fromkeys(IGNORED, Kind.IGNORED)

INVOICE, CONTRACT = "data.id", "data.contract.id"
# A late subscription names no invoice and stands for the order itself; a cancelled one touches none.
ORDER_BY_KIND = {
    Kind.ABANDONED_CHECKOUT: "data.transactionId",
    Kind.SUBSCRIPTION_PAST_DUE: CONTRACT,
    Kind.SUBSCRIPTION_CANCELLED: None,
}
OF_SUBSCRIPTIONS = frozenset({Kind.SUBSCRIPTION_PAST_DUE, Kind.SUBSCRIPTION_CANCELLED})
MONEYLESS = frozenset(ORDER_BY_KIND)

# Decimals. Every documented body of an invoice states it. Beside it, a paid one has `paid`: what came in, with the
# interest of paying in instalments (inferred from the older webhooks, where it is the higher of the two).
PRICE, CURRENCY = "data.price.value", "data.price.currency"
PAYMENT_METHODS = {
    "creditcard": "card",
    "pix": "pix",
    "bankslip": "boleto",
    "installmentbankslip": "boleto",
}
METHOD = "data.paymentMethod"

# Each slip of a boleto in instalments is an invoice of its own. Either sign shows that it is one, so that losing one
# does not make a later slip a first sale.
SLIPS, SLIP = "data.bankSlipInstallment", "data.bankSlipInstallment.installmentNumber"
IN_SLIPS = "installmentbankslip"

# Where a moment of its own is told; else it is the sending's.
MOMENTS = {
    Kind.ABANDONED_CHECKOUT: "data.updatedAt",
    Kind.APPROVED: "data.paidAt",
    Kind.RENEWED: "data.paidAt",
    Kind.REFUNDED: "data.refundedAt",
    Kind.CHARGED_BACK: "data.chargeback.createdAt",
    Kind.SUBSCRIPTION_CANCELLED: "data.contract.updatedAt",
    Kind.SUBSCRIPTION_PAST_DUE: "data.contract.updatedAt",
}
SENT_AT = "sentDate"

# What the checkout's link calls them; a cart has the last five, and the link itself.
TRACKER = {
    "code1": "trk",
    "code2": "trk2",
    "code3": "trk3",
    "utmSource": "utm_source",
    "utmMedium": "utm_medium",
    "utmCampaign": "utm_campaign",
    "utmContent": "utm_content",
    "utmTerm": "utm_term",
}

# The documented example, which the test button sends as it stands (inferred: integrators saw its fixed key and that it
# never has a tracker). Two must agree, and each known body has three, so that no single field makes or unmakes a test.
TEST_SIGNS = (
    ("id", ("g90wu09uwge", "zszf0uk65g701io8dbsckfeld")),
    ("data.id", ("12345678",)),
    ("data.buyer.email", ("alice.johnson@example.com",)),
    ("data.producer.id", ("1454585458",)),
    ("data.producer.originSecret", ("originsecrettest",)),
)
