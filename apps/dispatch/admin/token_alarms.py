"""What will stop working unless somebody acts: tokens that end or are dead, versions of platforms' APIs that end."""

from datetime import datetime

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.core.admin.columns import list_address
from apps.core.db import database_now
from apps.dispatch.admin.shared import Alarm
from apps.dispatch.models import TokenCheck
from apps.dispatch.tokens.rules import ALARM_BEFORE
from apps.dispatch.tokens.sentences import explain_token
from apps.dispatch.versions.selectors import VersionInUse, find_ending
from apps.funnels.models import Destination

SHOWN = 10
URGENT_FROM_DAYS = 7


def token_alarm() -> Alarm | None:
    """Of tokens that are in use, those that end first; dead ones before all others."""
    checks = list(_alarming()[: SHOWN + 1])
    if not checks:
        return None
    return Alarm(
        title=_("Tokens that end or have ended"),
        hint=_("Without a working token nothing is sent: everything waits, and is lost after its deadline."),
        lines=[
            (
                f"{check.destination}: {explain_token(check, check.destination.platform)}",
                list_address(Destination, q=str(check.destination_id)),
            )
            for check in checks[:SHOWN]
        ],
        address=list_address(Destination),
        is_urgent=True,
    )


def version_alarm() -> Alarm | None:
    now = database_now()
    ending = find_ending(now)
    if not ending:
        return None
    return Alarm(
        title=_("API versions that end"),
        hint=_("Choose a newer version where one is named. After the end, the hub's own version is used."),
        lines=[(_version_line(use, now), list_address(Destination, platform__exact=use.platform)) for use in ending],
        address=list_address(Destination),
        is_urgent=any(use.mark is not None and use.mark <= URGENT_FROM_DAYS for use in ending),
    )


def _alarming() -> QuerySet[TokenCheck]:
    soon = Now() + ALARM_BEFORE
    rows: QuerySet[TokenCheck] = TokenCheck.objects.filter(token_saved_at__gte=F("destination__token_saved_at"))
    alarming = rows.filter(
        Q(state=TokenCheck.State.INVALID) | Q(expires_at__lt=soon) | Q(data_access_expires_at__lt=soon)
    )
    return alarming.select_related("destination").order_by(F("expires_at").asc(nulls_first=True), "pk")


def _version_line(use: VersionInUse, now: datetime) -> str:
    users = ngettext("%(count)d destination", "%(count)d destinations", use.destinations) % {"count": use.destinations}
    facts = {"platform": use.platform, "version": use.version, "users": users, "date": f"{use.ends_at:%Y-%m-%d}"}
    if use.mark == 0:
        return _("%(platform)s %(version)s, used by %(users)s: ended on %(date)s") % facts
    facts["days"] = str(use.days_left(now))
    return _("%(platform)s %(version)s, used by %(users)s: ends on %(date)s, in %(days)s days") % facts
