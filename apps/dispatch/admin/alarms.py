"""What must not be overlooked: deliveries in quarantine, and fields that gateways began to send. By gateway."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import Model, QuerySet
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from apps.conversions.admin.drift import IS_NEW
from apps.conversions.models import DriftNotice, Quarantine
from apps.core.admin.columns import list_address
from apps.core.admin.panels import may_view
from apps.dispatch.admin.delivery_alarms import dead_alarm, missing_alarm, parked_alarm, risk_alarm
from apps.dispatch.admin.shared import Alarm
from apps.dispatch.admin.token_alarms import token_alarm, version_alarm
from apps.dispatch.models import Send, TokenCheck
from apps.funnels.models import Destination
from apps.gateways.registry import get_adapter

# A flood in quarantine must not slow the page that tells of it: more than this many rows are not looked at.
LOOKED_AT = 1000
A_MINUTE = timedelta(minutes=1)


def raised_alarms(user: AbstractBaseUser | AnonymousUser) -> list[Alarm]:
    """Those that there is a reason for, and whose rows the user may see."""
    raised = [raise_if_any() for model, raise_if_any in _ALARMS if may_view(user, model)]
    return [alarm for alarm in raised if alarm]


def age_text(since: datetime) -> str:
    is_fresh = timezone.now() - since < A_MINUTE
    return _("under a minute") if is_fresh else timesince(since, depth=1)


@dataclass(frozen=True, slots=True)
class _Group:
    """The rows of one gateway; `count` ends in + when there may be more of them."""

    gateway: str
    count: str
    oldest: datetime
    newest: datetime

    @property
    def label(self) -> str:
        adapter = get_adapter(self.gateway)
        return adapter.label if adapter else self.gateway


def _by_gateway(rows: QuerySet[Any, tuple[str, datetime]]) -> list[_Group]:
    """Of pairs (gateway, time): the first LOOKED_AT of them, most rows first."""
    pairs = list(rows[: LOOKED_AT + 1])
    more = "+" if len(pairs) > LOOKED_AT else ""
    times: dict[str, list[datetime]] = defaultdict(list)
    for gateway, at in pairs[:LOOKED_AT]:
        times[gateway].append(at)
    by_size = sorted(times.items(), key=lambda group: -len(group[1]))
    return [_Group(gateway, f"{len(found)}{more}", min(found), max(found)) for gateway, found in by_size]


def _quarantine() -> Alarm | None:
    """The oldest are looked at, so the longest wait is the true one however many there are."""
    state = Quarantine.State.WAITING
    waiting = Quarantine.objects.filter(state=state).order_by("pk")
    groups = _by_gateway(waiting.values_list("delivery__gateway", "delivery__received_at"))
    if not groups:
        return None
    text = _("%(gateway)s: %(count)s, the oldest for %(age)s")
    return Alarm(
        title=_("Deliveries wait in quarantine"),
        hint=_("Each may be a sale that no ad platform knows of. Look at what differs, then have them read again."),
        lines=[
            (
                text % {"gateway": group.label, "count": group.count, "age": age_text(group.oldest)},
                list_address(Quarantine, state__exact=state, gateway=group.gateway),
            )
            for group in groups
        ],
        address=list_address(Quarantine, state__exact=state),
        is_urgent=True,
    )


def _drift() -> Alarm | None:
    new = DriftNotice.objects.filter(IS_NEW).order_by("-pk")
    groups = _by_gateway(new.values_list("gateway", "first_seen_at"))
    if not groups:
        return None
    text = _("%(gateway)s: %(count)s, the newest for %(age)s")
    return Alarm(
        title=_("Gateways send new fields"),
        hint=_("Sales are read all the same. Look whether a new field tells something of use."),
        lines=[
            (
                text % {"gateway": group.label, "count": group.count, "age": age_text(group.newest)},
                list_address(DriftNotice, first_seen="new", gateway=group.gateway),
            )
            for group in groups
        ],
        address=list_address(DriftNotice, first_seen="new"),
        is_urgent=False,
    )


_ALARMS: Sequence[tuple[type[Model], Callable[[], Alarm | None]]] = (
    (Send, missing_alarm),
    (Send, risk_alarm),
    (Quarantine, _quarantine),
    (Send, parked_alarm),
    (TokenCheck, token_alarm),
    (Destination, version_alarm),
    (Send, dead_alarm),
    (DriftNotice, _drift),
)
