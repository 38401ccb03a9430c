"""What is about to be lost or stands still: sales whose time runs out, orders in no bucket, what is parked or dead."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.timesince import timeuntil
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.core.admin.columns import list_address
from apps.core.metrics import read_gauges
from apps.core.redis import RedisError
from apps.dispatch.admin.shared import Alarm
from apps.dispatch.ledger import check
from apps.dispatch.ledger.risk import Risk, find_risks, nearest
from apps.dispatch.ledger.words import explain_place
from apps.dispatch.models import Breaker, Send, SendStatus
from apps.funnels.models import Destination
from apps.tenants.admin import ALL_TENANTS

SHOWN = 10
# Of the dead the newest only: a thousand of one reason say as much as a million, and cost less.
LOOKED_AT = 1000
DEAD_FOR = timedelta(days=7)
_SYMBOLS = {"BRL": "R$", "USD": "US$", "EUR": "€"}


def risk_alarm() -> Alarm | None:
    """Of each destination and currency what expires first; the most urgent lines first."""
    risks = nearest(find_risks())
    if not risks:
        return None
    names = Destination.objects.in_bulk([risk.destination_id for risk in risks[:SHOWN]])
    return Alarm(
        title=_("Sales are about to be too old"),
        hint=_("Platforms take no sale older than a week. What keeps these must be mended before their time is over."),
        lines=[(_risk_line(risk, names[risk.destination_id]), _waiting_at(risk)) for risk in risks[:SHOWN]],
        address=list_address(Send, status__exact=SendStatus.PARKED),
        is_urgent=True,
    )


def missing_alarm() -> Alarm | None:
    """What the periodic check found last; a Redis that is gone tells nothing, the check's own log does."""
    try:
        missing = int(max(read_gauges(check.GAUGE, *check.PARTS).values(), default=0))
    except RedisError:
        return None
    if not missing:
        return None
    address = reverse("admin:dispatch_ledgers")
    line = ngettext("%(count)d order is in no bucket", "%(count)d orders are in no bucket", missing)
    return Alarm(
        title=_("The ledger does not balance"),
        hint=_("Orders that were paid stand nowhere. `manage.py check_ledger --all` names them."),
        lines=[(line % {"count": missing}, address)],
        address=address,
        is_urgent=True,
    )


def parked_alarm() -> Alarm | None:
    """Since when each waits for a person, the longest first."""
    parked = Breaker.objects.exclude(parked_reason="").select_related("destination").order_by("parked_at", "pk")
    rows = list(parked[: SHOWN + 1])
    if not rows:
        return None
    return Alarm(
        title=_("Destinations are parked"),
        hint=_("Their sales wait for a working token. Each goes out by itself once it is there."),
        lines=[
            (
                " ".join((f"{row.destination}:", *explain_place(row.parked_reason))),
                list_address(Destination, q=str(row.destination_id)),
            )
            for row in rows[:SHOWN]
        ],
        address=list_address(Send, status__exact=SendStatus.PARKED),
        is_urgent=True,
    )


def dead_alarm() -> Alarm | None:
    """Of the last days, by reason, the most frequent first."""
    newest = Send.objects.filter(tenant__in=ALL_TENANTS, status=SendStatus.DEAD).order_by("-pk")[:LOOKED_AT]
    since = timezone.now() - DEAD_FOR
    reasons = Counter(reason for reason, at in newest.values_list("reason", "changed_at") if at >= since)
    if not reasons:
        return None
    address = list_address(Send, status__exact=SendStatus.DEAD)
    return Alarm(
        title=_("Refused for good in the last 7 days"),
        hint=_("Nothing more happens to these by itself. Mend the cause, then send them again."),
        lines=[
            (f"{count}: {reason}. {explain_place(reason).sentence}", address)
            for reason, count in reasons.most_common(SHOWN)
        ],
        address=address,
        is_urgent=False,
    )


def _risk_line(risk: Risk, destination: Destination) -> str:
    orders = ngettext("%(count)d order", "%(count)d orders", risk.orders) % {"count": risk.orders}
    facts = {
        "destination": destination,
        "amount": _priced(risk.amount, risk.currency),
        "orders": orders,
        "hours": risk.hours,
        "left": timeuntil(risk.earliest_deadline, depth=1),
        "why": " ".join(explain_place(risk.reasons[0][0])),
    }
    text = _("%(destination)s: %(amount)s (%(orders)s) expire within %(hours)d h, the first in %(left)s. %(why)s")
    return text % facts


def _priced(amount: Decimal, currency: str) -> str:
    """As people write it where they buy: R$ 12.430,00."""
    return f"{_SYMBOLS.get(currency, currency)} {number_format(amount, 2, force_grouping=True)}".lstrip()


def _waiting_at(risk: Risk) -> str:
    return list_address(Send, tenant__id__exact=str(risk.tenant_id), destination__id__exact=str(risk.destination_id))
