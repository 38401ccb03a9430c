"""The sentences of explanations.py: what happened, and what to do next."""

from collections.abc import Mapping
from typing import NamedTuple

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrPromise

from apps.dispatch.verdict import NextStep, Outcome


class Words(NamedTuple):
    """What happened, and what to do next."""

    happened: StrPromise
    next_step: StrPromise


_NOTHING = _("Nothing needs to be done.")
_BY_ITSELF = _("Nothing needs to be done: it is tried again by itself until its deadline.")
_NEW_TOKEN = _(
    "Make a new token at the platform and save it in the destination. All that waits then goes out by itself."
)
_ACCESS = _(
    "Give the owner of the token access to this pixel, and check the pixel's id and the address in the destination. "
    "The hub asks again every hour; to have it ask at once, save the token anew."
)
_NEWER_VERSION = _("Choose a newer version in the destination, or leave it empty for the hub's own, and publish.")
_MEND = _("Look at what was sent and at the platform's answer. When the cause is mended, send it again.")
_TOO_LATE = _("It cannot be sent any more. Mend what held it up, so that the next sales arrive in time.")
_SUPPORT = _("This is the hub's own fault. Tell support; after a correction, send it again.")
_CHECK_ADDRESS = _("Correct the address in the destination and publish. What waits is tried again within the hour.")
_GATEWAY_DATA = _("Check what the gateway sends for this product. When that is mended, send it again.")
_ONE_REQUEST = _("Look whether the platform's own reports show the sale. If they do not, send it again.")

NO_OUTCOME = _("No answer was recorded: the request is still out, or the worker that made it was stopped.")

OUTCOMES: Mapping[Outcome, Words] = {
    Outcome.ACCEPTED: Words(_("The platform has it."), _NOTHING),
    Outcome.TRANSIENT: Words(_("The platform had trouble of its own and did not take it."), _BY_ITSELF),
    Outcome.THROTTLED: Words(
        _("The platform gets too many requests and asked for a pause."),
        _("Nothing needs to be done: sending goes on by itself after the pause."),
    ),
    Outcome.TOKEN: Words(_("The platform does not accept the access token any more."), _NEW_TOKEN),
    Outcome.PERMISSION: Words(_("The destination was found wrong, or its token may not send to it."), _ACCESS),
    Outcome.PERMANENT: Words(_("The platform refused it: something in its data is not as it must be."), _MEND),
    Outcome.EXPIRED: Words(_("The platform takes nothing that old."), _TOO_LATE),
    Outcome.AMBIGUOUS: Words(
        _("It was sent, and no readable answer came back: the platform may have it, or not."),
        _("Nothing needs to be done: it is sent again under the same event id, so that it counts once."),
    ),
    Outcome.VERSION: Words(_("The platform no longer serves the API version of this destination."), _NEWER_VERSION),
    Outcome.UNKNOWN: Words(_("The platform answered in a way that the hub has never seen."), _MEND),
}

NEXT_STEPS: Mapping[NextStep, StrPromise] = {
    NextStep.NONE: _NOTHING,
    NextStep.RETRY: _BY_ITSELF,
    NextStep.WAIT: OUTCOMES[Outcome.THROTTLED].next_step,
    NextStep.REPLACE_TOKEN: _NEW_TOKEN,
    NextStep.CHECK_PERMISSIONS: _ACCESS,
    NextStep.CHANGE_VERSION: _NEWER_VERSION,
    NextStep.FIX_EVENT: _MEND,
    NextStep.DROP_FBC: _("Nothing needs to be done: the click id (fbc) is left out, and it is sent once more."),
    NextStep.SPLIT_BATCH: _("Nothing needs to be done: the request is taken apart until the guilty event is alone."),
    NextStep.REVIEW: _("A person should look at the platform's answer."),
}

REPAIRED = Words(_("The platform refused the value of %(key)s, so that was left out."), _BY_ITSELF)
REJECTED = Words(_("The server at your address refused it, and said: %(word)s."), _MEND)
REDIRECT = Words(
    _("The address of the destination answers with a redirect, and none is ever followed."), _CHECK_ADDRESS
)

_UNREACHED = _("The platform could not be reached, so nothing was sent.")
_BAD_ADDRESS = _("The address of the destination is one that the hub does not send to.")

EXACT: Mapping[str, Words] = {
    "": Words(_("It is on its way."), _NOTHING),
    "accepted": OUTCOMES[Outcome.ACCEPTED],
    "accepted_on_resend": Words(
        _("The platform has it. It was sent more than once under one event id, so it counts once."), _NOTHING
    ),
    "known_to_the_platform": Words(_("The platform says that it had it before. It counts once."), _NOTHING),
    "worker_died": Words(
        _("Five workers in a row stopped while they were sending it, so it was given up. It may have arrived."),
        _SUPPORT,
    ),
    "unknown_outcome": Words(
        _("Its last answer was lost, and the platform no longer recognises a repetition: it may have arrived."),
        _ONE_REQUEST,
    ),
    "too_old": OUTCOMES[Outcome.EXPIRED],
    "expired_parked": Words(_("Its time ran out while the destination waited for a working token."), _NEW_TOKEN),
    "expired_platform_down": Words(_("Its time ran out while the platform was out of order."), _TOO_LATE),
    "expired_throttled": Words(_("Its time ran out during a pause that the platform had asked for."), _TOO_LATE),
    "expired_retrying": Words(_("Its time ran out: no try had got through until then."), _TOO_LATE),
    "expired_waiting": Words(_("Its time ran out before it was its turn."), _TOO_LATE),
    "too_many_refused": Words(
        _("Many events of its request were refused; it waits for a smaller request of its own."), _BY_ITSELF
    ),
    "resumed": Words(_("The destination was mended, so it is sent now."), _NOTHING),
    "token_replaced": Words(_("The token was replaced, or its permission is asked for again."), _NOTHING),
    "closed_by_hand": Words(_("Somebody at the console had it sent to again."), _NOTHING),
    "replayed": Words(_("Somebody had it sent again."), _NOTHING),
    "review": Words(
        _("It waits until somebody decides which click brought the sale, or until the time for that is over."),
        _("Decide on the match. Without a decision the funnel's rule applies."),
    ),
    "consent": Words(
        _("This person did not agree to ads, so nothing is sent."),
        _("Nothing needs to be done. After a new yes of the person it can be sent again."),
    ),
    "consent_withdrawn": Words(
        _("This person withdrew their consent to ads before it was sent."),
        _("Nothing needs to be done. After a new yes of the person it can be sent again."),
    ),
    "refunded_before_send": Words(_("The money went back before the sale was told, so it is not told."), _NOTHING),
    "told_by_the_page": Words(_("The page's own pixel had told it, so it is not told twice."), _NOTHING),
    "gateway_test": Words(_("It is a test of the gateway's, and tests are not told."), _NOTHING),
    "shadow": Words(
        _("The endpoint does not send: it is in shadow, or this order is outside its share."),
        _("To send, switch the endpoint live. Orders of before are not sent later."),
    ),
    "part_of_another_order": Words(_("It is part of another order, whose purchase was told with it."), _NOTHING),
    "unreadable_answer": Words(_("The server's answer could not be read, so it is not known what it took."), _MEND),
    "matching_failed": Words(
        _("Looking for the click that brought this sale failed five times, so that no event was made of it."), _SUPPORT
    ),
    "quarantined": Words(
        _("The gateway sent something that could not be read, perhaps a sale. It is kept."),
        _("Look at what differs. When the hub can read it, have it read again."),
    ),
    "unknown": Words(
        _("The gateway used a word that the hub does not know, perhaps for a sale. It is kept."),
        _("Look at the word. When the hub knows it, have it read again."),
    ),
    **dict.fromkeys(("dns", "connect", "connect_timeout", "tls"), Words(_UNREACHED, _BY_ITSELF)),
    **dict.fromkeys(("reset", "read_timeout", "deadline", "truncated", "unreadable"), OUTCOMES[Outcome.AMBIGUOUS]),
    **dict.fromkeys(("url", "scheme", "userinfo", "address", "port"), Words(_BAD_ADDRESS, _CHECK_ADDRESS)),
    "header": Words(_("The access token holds characters that no token has: it was pasted badly."), _NEW_TOKEN),
}

_UNHASHED = _("A value that names a person was not in the form that the platform wants.")
_UNFIT = _("It was stopped before sending: the platform would have refused the form of one of its values.")
_LACKS = _("It was stopped before sending: a value that the platform asks for is missing.")
_NO_MONEY = _("It was stopped before sending: the gateway told no amount, or no currency that the platform knows.")

PREFLIGHT: Mapping[str, Words] = {
    "missing_key": Words(_LACKS, _GATEWAY_DATA),
    "unknown_key": Words(_UNFIT, _SUPPORT),
    "bad_value": Words(_UNFIT, _GATEWAY_DATA),
    "bad_number": Words(_NO_MONEY, _GATEWAY_DATA),
    "bad_currency": Words(_NO_MONEY, _GATEWAY_DATA),
    "no_value": Words(_NO_MONEY, _GATEWAY_DATA),
    "no_currency": Words(_NO_MONEY, _GATEWAY_DATA),
    "too_old": OUTCOMES[Outcome.EXPIRED],
    "in_future": Words(
        _("It was stopped before sending: the gateway's clock says that it happens in the future."),
        _("Check the time that the gateway sends. Once that moment is over, send it again."),
    ),
    "too_little_identity": Words(
        _("It was stopped before sending: nothing in it says who bought, and the platform refuses that."),
        _("Have the checkout ask for an e-mail or a phone, and put the script on the page, so that clicks are known."),
    ),
    **dict.fromkeys(("not_hashed", "empty_hashed", "hashed_plain_key"), Words(_UNHASHED, _SUPPORT)),
    **dict.fromkeys(
        ("malformed_fbc", "malformed_fbp", "malformed_ttclid", "malformed_ip"),
        Words(
            _("It was stopped before sending: a cookie, click id or IP address in it does not have the right form."),
            _SUPPORT,
        ),
    ),
}
