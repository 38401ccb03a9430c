"""Buckets and reasons in the reader's language. What befalls a send is explained in dispatch/explanations.py."""

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrPromise

from apps.dispatch.explanations import Explanation, explain
from apps.dispatch.ledger.export import Why
from apps.dispatch.ledger.rules import Bucket

BUCKET_NAMES: Mapping[Bucket, StrPromise] = {
    Bucket.ACCEPTED: _("accepted by the platform"),
    Bucket.DUPLICATE: _("known to the platform before"),
    Bucket.WAITING: _("on their way"),
    Bucket.PARKED: _("parked: wait for a working token"),
    Bucket.BLOCKED: _("blocked: no consent"),
    Bucket.EXCLUDED: _("excluded by a rule"),
    Bucket.DEAD: _("refused for good"),
    Bucket.EXPIRED: _("too old for the platform"),
    Bucket.MISSING: _("missing: in no bucket"),
}
_NOTHING = _("Nothing needs to be done.")
_TELL_SUPPORT = _("This must never be. Tell support the order's number; the webhook itself is kept.")
# Of orders that have no send, or whose send waits for something that is not its own.
_WORDS: Mapping[str, tuple[StrPromise, StrPromise]] = {
    "matching": (
        _("The hub is finding out which click brought this sale."),
        _("Nothing needs to be done, if the funnel is published."),
    ),
    "not_told": (
        _("The funnel gave this sale no event of its own, so no platform was told."),
        _("If such sales should be told, give them a name among the funnel's events, and publish."),
    ),
    "before_destination": (_("This destination was added after the sale had been told."), _NOTHING),
    "not_published": (
        _("This destination was not part of the published funnel when the sale was told."),
        _("If it should hear of the next sales, publish the funnel with it."),
    ),
    "no_event": (_("The sale was never planned for any platform."), _TELL_SUPPORT),
    "no_send": (_("The sale was never planned for this destination."), _TELL_SUPPORT),
    "pending": (_("It is on its way."), _NOTHING),
    "sending": (_("It is being sent right now."), _NOTHING),
    "breaker_open": (
        _("The platform does not answer, and the hub asks it again and again."),
        _("Look at the platform's own status page. Everything is sent by itself once it answers."),
    ),
    "paused": (
        _("The platform gets too many requests and asked for a pause."),
        _("Nothing needs to be done: sending goes on by itself after the pause."),
    ),
}
UNREADABLE: Mapping[Why, StrPromise] = {
    Why.NO_ORDER: _("there is no order id in this line"),
    Why.NO_AMOUNT: _("the amount cannot be read"),
    Why.NEGATIVE: _("the amount is below zero"),
    Why.AMBIGUOUS: _("1.234 may be one thousand or one and a fraction: nothing else in the file says which"),
    Why.CURRENCY: _("this is no currency of ISO 4217"),
    Why.STATUS: _("the hub does not know this status"),
    Why.REPEATED: _("this order stood in an earlier line; the first one counts"),
    Why.HEADER: _("the header once more"),
    Why.QUOTES: _("a quotation mark is never closed"),
    Why.MALFORMED: _("this line is no CSV"),
    Why.NUL: _("there is a NUL character in this line"),
}
MISSING_HERE: Mapping[str, StrPromise] = {
    "unknown": _("The hub never heard of this order. Look whether the gateway's webhook for it was sent."),
    "not_paid": _("The hub knows this order, but not that it was paid: the webhook of the payment did not arrive."),
}


def explain_place(reason: str) -> Explanation:
    """Why an order stands where it stands, and what to do next."""
    own = _WORDS.get(reason)
    return Explanation(str(own[0]), str(own[1])) if own else explain(reason)
