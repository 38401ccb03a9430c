"""PerfectPay's words and paths.

A body names no event: it is the sale as it stands now, and comes again under the same `code` whenever the number in
`sale_status_enum` changes. `sale_status_enum_key` spells that number out. The numbers are documented; of real bodies
only those with a 2 are public.
"""

from apps.gateways.events import Kind

# PerfectPay is said to send some of these as a plainer relative (8, 10 and 16 as 2; 11 as 6; 17 as 9; 18 to 20 as 7).
# So 2 may come several times for one code: the code is the sale, not the message.
# 0 (none) is left out: no source tells what it is sent for, so it shows up as unknown instead of as a guess.
STATUSES = {
    "1": ("pending", Kind.PAYMENT_PENDING),
    "2": ("approved", Kind.APPROVED),  # or a renewal: SALE_KINDS
    "3": ("in_process", Kind.IGNORED),  # somebody looks at it; 2 or 5 follows
    "4": ("in_mediation", Kind.IGNORED),  # nothing is decided yet; 2, 7 or 9 follows
    "5": ("rejected", Kind.REFUSED),
    "6": ("cancelled", Kind.CANCELLED),
    "7": ("refunded", Kind.REFUNDED),
    "8": ("authorized", Kind.IGNORED),  # reserved on the card, not taken: the sale is the 2 that follows
    "9": ("charged_back", Kind.CHARGED_BACK),
    "10": ("completed", Kind.COMPLETED),  # some 30 days after 2, same code: the guarantee ended, no second sale
    "11": ("checkout_error", Kind.REFUSED),
    "12": ("precheckout", Kind.ABANDONED_CHECKOUT),  # the buyer typed a name and chose no payment
    "13": ("expired", Kind.EXPIRED),
    "15": ("cancelled_regenerated", Kind.CANCELLED),  # a new boleto took its place
    "16": ("in_review", Kind.IGNORED),  # the fraud check looks at it
    "17": ("pre_chargeback", Kind.DISPUTED),
    "18": ("pre_refunded", Kind.DISPUTED),
    "19": ("med", Kind.CHARGED_BACK),  # the central bank's way to take a Pix back
    "20": ("pre_med", Kind.DISPUTED),
}
# What `subscription.status_event` makes of a 2; a sale without a subscription has none. "Started" was seen in real
# bodies, "renewed" is told by integrators. The dashboard also offers news of cancelled and trial subscriptions, in
# bodies nobody has published: their words are left out, so they show up as unknown.
SALE_KINDS = {
    None: Kind.APPROVED,
    "subscription_started": Kind.APPROVED,
    "subscription_renewed": Kind.RENEWED,
}
EVENT_TYPES = {number: kind for number, (_, kind) in STATUSES.items()} | {"2 subscription_renewed": Kind.RENEWED}

# Times name no zone, and sources disagree on it. Read as UTC, which fits the dates of renewals in real bodies; should
# they be Brazil's, a sale is three hours early. The reverse mistake would put it three hours ahead, and ad platforms
# reject the future. A refund, a chargeback or the end of a guarantee repeats the times of its sale and has none itself.
TIMES = {
    Kind.ABANDONED_CHECKOUT: ("date_created",),
    Kind.PAYMENT_PENDING: ("date_created",),
    Kind.APPROVED: ("date_approved",),
    Kind.RENEWED: ("date_approved",),
}

CURRENCIES = {"1": "BRL", "2": "USD", "3": "EUR"}

# Documented: 3 PayPal, 5 free, 9 open finance, 10 Google Pay, 11 Apple Pay, 12 PicPay, 16 Amazon Pay are "other".
NO_METHOD = "0"
PAYMENT_METHODS = {
    "1": "card",
    "2": "boleto",
    "4": "card",  # a subscription's
    "6": "card",  # an upsell's, with the card of the sale before
    "7": "pix",
    "8": "boleto",  # in instalments
}

# `payment_format_enum_key` of a sale that was added to another one.
ADDED_FORMATS = frozenset({"orderbump", "upsell"})

# `affiliation_type_enum` of an entry in `commission`, as seen in real bodies; those of others are not public.
PERFECT_PAY = "0"
PRODUCER = "1"
