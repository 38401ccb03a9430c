"""Stages, signals and causes in words, in the reader's language."""

from collections.abc import Mapping
from typing import NamedTuple

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrPromise

from apps.analytics.quality import Cause, CauseFound, Signal, Stage, StageQuality

SIGNAL_NAMES: Mapping[Signal, StrPromise] = {
    Signal.FBCLID: _("click id in the address (fbclid)"),
    Signal.FBC: _("click cookie (fbc)"),
    Signal.FBP: _("browser cookie (fbp)"),
    Signal.IP: _("IP address"),
    Signal.USER_AGENT: _("browser's name (user agent)"),
    Signal.EMAIL: _("e-mail"),
    Signal.PHONE: _("phone"),
    Signal.CLICK_ID: _("click id carried through the gateway"),
}
STAGE_NAMES: Mapping[Stage, StrPromise] = {
    Stage.CLICKS: _("Clicks"),
    Stage.CHECKOUTS: _("Checkouts"),
    Stage.SALES: _("Sales"),
}


class _Words(NamedTuple):
    """What happened, with %(count)d and %(of)d, and what to do next."""

    happened: StrPromise
    next_step: StrPromise


_CAUSES: Mapping[Cause, _Words] = {
    Cause.REDIRECT_STRIPS_FBCLID: _Words(
        _("Of %(of)d clicks, %(count)d name Meta as their source but came without fbclid: a redirect dropped it."),
        _("Open the ad's address yourself with ?fbclid=test added. The step that loses it is the one to mend."),
    ),
    Cause.CASE_MANGLED_FBCLID: _Words(
        _("Of %(of)d clicks, %(count)d have an fbclid whose letters changed case. Meta does not know such an id."),
        _("Look for a redirect, plugin or server rule that rewrites addresses in one case, and switch it off."),
    ),
    Cause.MALFORMED_COOKIE: _Words(
        _("Of %(of)d clicks, %(count)d brought an fbc or fbp that is not of Meta's form. It is not sent."),
        _("Look for code of your own that writes _fbc or _fbp, and remove it: the pixel writes them right."),
    ),
    Cause.WRONG_COOKIE_DOMAIN: _Words(
        _("Of %(of)d clicks, %(count)d have a Meta cookie of a domain that is not the page's: other steps lose it."),
        _("Write the cookies for the whole domain (example.com, not www.example.com), or leave that to the pixel."),
    ),
    Cause.CHANGING_FBP: _Words(
        _("Of %(of)d clicks, %(count)d belong to visits in which fbp changed: Meta sees several people in one."),
        _("Keep all steps on one domain, and let only the pixel write _fbp, never a tool that makes it anew."),
    ),
    Cause.PIXEL_MISSING: _Words(
        _("Of %(of)d clicks, %(count)d have fbc but no fbp: no pixel had run on the page when the click was recorded."),
        _("Check that the Meta pixel is on this page and that its code stands before our script."),
    ),
    Cause.SCRIPT_MISSING: _Words(
        _("Of %(of)d sales, %(count)d came back without a click id, though the funnel has clicks."),
        _("Put the script on every page up to the checkout link, then check that the link carries our id (htc…)."),
    ),
    Cause.OLD_FBC: _Words(
        _("Of %(of)d sales, %(count)d have a click cookie of more than 90 days, which is longer than it lives."),
        _("Buyers who came back without an ad are fine. If they did click one, check that fbclid arrives."),
    ),
    Cause.PHONE_WITHOUT_COUNTRY_CODE: _Words(
        _("Of %(of)d sales, %(count)d have a phone that your page hashed in another way than the gateway's number."),
        _("Hash digits only, with the country code (5511987654321), or hand the phone over: it is hashed at once."),
    ),
}
_NEVER: Mapping[Stage, StrPromise] = {
    Stage.CLICKS: _("No click in these days. Put the script on the landing page, or use a redirect link in the ad."),
    Stage.CHECKOUTS: _(
        "No checkout in these days. The script reports them, and so does the gateway's pending payment."
    ),
    Stage.SALES: _("No sale in these days. Check that the webhook's address has been pasted into the gateway."),
}
_NO_MORE: Mapping[Stage, StrPromise] = {
    Stage.CLICKS: _(
        "No click in these days, and %(before)d in those before. Check that the script is still on the page."
    ),
    Stage.CHECKOUTS: _("No checkout in these days, and %(before)d in those before. Try the checkout link yourself."),
    Stage.SALES: _("No sale in these days, and %(before)d in those before. Check the webhook in the gateway."),
}
_NOTHING_YET = _("Nobody was seen in this funnel yet. Once visitors click and buy, you see here which signals arrive.")


def explain_cause(found: CauseFound) -> str:
    return str(_CAUSES[found.cause].happened) % {"count": found.count, "of": found.of}


def advise(cause: Cause) -> str:
    return str(_CAUSES[cause].next_step)


def explain_empty_stage(stage: StageQuality) -> str:
    """Why there is nothing to see at this stage; empty when there is something."""
    if stage.total:
        return ""
    if stage.total_before:
        return str(_NO_MORE[stage.stage]) % {"before": stage.total_before}
    return str(_NEVER[stage.stage])


def explain_empty_funnel(stages: tuple[StageQuality, ...]) -> str:
    """What this view will show; empty once there is anything to show."""
    return "" if any(stage.total or stage.total_before for stage in stages) else str(_NOTHING_YET)
