"""What each thing that happens to an order is told to the ad platforms as. Pure.

A funnel may choose another name for any of them, or none; names of purchases are kept for confirmed money, since a
platform cannot be told later that a Pix code was never paid.
"""

import re
from collections.abc import Mapping

from apps.gateways.events import SALES, Kind

NOTHING = ""
DEFAULT_NAMES: Mapping[Kind, str] = {
    Kind.ABANDONED_CHECKOUT: "InitiateCheckout",
    Kind.PAYMENT_PENDING: "AddPaymentInfo",
    Kind.APPROVED: "Purchase",
    Kind.RENEWED: "Subscribe",
    Kind.TRIAL_STARTED: "StartTrial",
    Kind.REFUSED: NOTHING,
    Kind.EXPIRED: NOTHING,
    Kind.CANCELLED: NOTHING,
    Kind.PARTIALLY_REFUNDED: NOTHING,
    Kind.REFUNDED: NOTHING,
    Kind.DISPUTED: NOTHING,
    Kind.DISPUTE_WON: NOTHING,
    Kind.CHARGED_BACK: NOTHING,
}
# What happens on a page, in the words of /track/*. These names are the pixels' own and cannot be chosen.
PAGE_EVENT_NAMES: Mapping[str, str] = {
    "pageview": "PageView",
    "view_content": "ViewContent",
    "search": "Search",
    "add_to_wishlist": "AddToWishlist",
    "add_to_cart": "AddToCart",
    "initiate_checkout": "InitiateCheckout",
    "lead": "Lead",
    "complete_registration": "CompleteRegistration",
    "contact": "Contact",
    "schedule": "Schedule",
}
SALE_NAMES = frozenset({"Purchase", "Subscribe"})
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")


def event_name_of(kind: Kind, chosen: Mapping[str, str]) -> str:
    """The platforms' name for `kind`; empty when nothing is told. `chosen` holds the funnel's own choices."""
    return chosen.get(kind.value, DEFAULT_NAMES.get(kind, NOTHING))


def is_known_kind(kind: str) -> bool:
    return kind in DEFAULT_NAMES


def is_usable_name(name: str) -> bool:
    return name == NOTHING or _NAME.fullmatch(name) is not None


def claims_a_sale(kind: str, name: str) -> bool:
    """Whether `name` would tell of money that `kind` does not confirm."""
    return name in SALE_NAMES and kind not in SALES
