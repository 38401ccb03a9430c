"""Use-cases of redirect links: their only writers. Where a link leads is decided here, never by a visitor."""

import re
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.clicks.links import LINK_KEY, DestinationError, host_of, may_lead_to, read_destination
from apps.clicks.models import TrackingLink
from apps.core.errors import BadInput
from apps.funnels.models import Funnel

_WHY_NOT = {
    "address": gettext_lazy("This is not an address: it has spaces, control characters, backslashes or quotes in it."),
    "scheme": gettext_lazy("This must be an address that starts with http:// or https://."),
    "user": gettext_lazy("An address with a user name or password hides where it leads."),
    "host": gettext_lazy("The address names no host that a browser could find."),
    "long": gettext_lazy("The address is too long."),
}
_FIELDS = ("name", "is_active")


def create_link(values: Mapping[str, Any]) -> TrackingLink:
    """A link of the tenant in scope; `values` as in the REST body. Raises BadInput."""
    funnel = Funnel.objects.filter(pk=values["funnel"]).first()
    if funnel is None:
        raise _refuse("funnel", _("There is no such funnel in this account."))
    link: TrackingLink = TrackingLink.objects.create(
        funnel=funnel,
        destination=_approve(values["destination"], funnel, values.get("chosen_host", "")),
        **{name: values[name] for name in _FIELDS if name in values},
    )
    return link


def update_link(link: TrackingLink, values: Mapping[str, Any]) -> TrackingLink:
    """Change a link; its key and funnel stay. Raises BadInput."""
    for name in _FIELDS:
        if name in values:
            setattr(link, name, values[name])
    if "destination" in values:
        link.destination = _approve(values["destination"], link.funnel, values.get("chosen_host", ""))
    link.save()
    return link


def _approve(text: str, funnel: Funnel, chosen_host: str) -> str:
    try:
        destination = read_destination(text)
    except DestinationError as error:
        raise _refuse("destination", str(_WHY_NOT[str(error)])) from error
    if _is_a_link(destination):
        raise _refuse("destination", _("A link cannot lead to another link of the hub."))
    if not may_lead_to(destination, funnel.landing_url, chosen_host):
        sentence = _(
            "This is neither on the landing page's host nor a known checkout. If it is right, repeat %(host)s in "
            "chosen_host."
        )
        raise _refuse("destination", sentence % {"host": host_of(destination)})
    return destination


def _is_a_link(destination: str) -> bool:
    root = re.escape(settings.PUBLIC_URL.partition("://")[2])
    return re.fullmatch(rf"https?://{root}/{LINK_KEY}([?#].*)?", destination) is not None


def _refuse(name: str, sentence: str) -> BadInput:
    return BadInput(_("Correct the fields named in `errors` and send it again."), fields={name: sentence})
