"""The console's first page: alarms, and what waits for a person, each count leading to its list.

Every count stops at COUNTED_UP_TO and reads an index or a small table, so the page stays cheap on a bad day.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from apps.conversions.models import Conversion, Quarantine
from apps.conversions.services import MAX_MATCH_FAILURES
from apps.core.admin.columns import EMPTY, list_address
from apps.core.admin.panels import may_view
from apps.dispatch.admin.alarms import A_MINUTE, age_text, raised_alarms
from apps.dispatch.models import LIVE_STATUSES, Send, SendStatus
from apps.tenants.admin import ALL_TENANTS

COUNTED_UP_TO = 1000


@dataclass(frozen=True, slots=True)
class Card:
    """A number to look at; `is_calm` when nobody needs to."""

    title: StrOrPromise
    hint: StrOrPromise
    value: str
    address: str
    is_calm: bool


def show_dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's DASHBOARD_CALLBACK: adds `alarms`, `cards` (those the user may follow) and where the box leads."""
    cards = [make() for model, make in _CARDS if may_view(request.user, model)]
    search = list_address(Conversion) if may_view(request.user, Conversion) else ""
    alarms = raised_alarms(request.user)
    return {**context, "title": _("Overview"), "alarms": alarms, "cards": cards, "search_address": search}


def _quarantine() -> Card:
    return _count_card(
        _("Quarantine"),
        _("deliveries that could not be read"),
        Quarantine.objects.filter(state=Quarantine.State.WAITING),
        list_address(Quarantine, state__exact=Quarantine.State.WAITING),
    )


def _dead() -> Card:
    return _count_card(
        _("Dead sends"),
        _("refused for good: look at the reason"),
        Send.objects.filter(tenant__in=ALL_TENANTS, status=SendStatus.DEAD),
        list_address(Send, status__exact=SendStatus.DEAD),
    )


def _parked() -> Card:
    return _count_card(
        _("Parked sends"),
        _("waiting for a working token"),
        Send.objects.filter(status=SendStatus.PARKED),
        list_address(Send, status__exact=SendStatus.PARKED),
    )


def _set_aside() -> Card:
    return _count_card(
        _("Matching set aside"),
        _("sales that failed %(times)d times") % {"times": MAX_MATCH_FAILURES},
        Conversion.objects.filter(match_failures__gte=MAX_MATCH_FAILURES),
        list_address(Conversion, matching="set-aside"),
    )


def _oldest_match() -> Card:
    due = Conversion.objects.filter(match_due_at__lte=timezone.now()).order_by("match_due_at")
    return _age_card(
        _("Oldest sale to match"),
        due.values_list("match_due_at", flat=True).first(),
        list_address(Conversion, matching="due"),
    )


def _oldest_send() -> Card:
    due = Send.objects.filter(status__in=LIVE_STATUSES, due_at__lte=timezone.now()).order_by("due_at")
    return _age_card(
        _("Oldest send due"),
        due.values_list("due_at", flat=True).first(),
        list_address(Send, due="now"),
    )


_CARDS: Sequence[tuple[type[Model], Callable[[], Card]]] = (
    (Quarantine, _quarantine),
    (Send, _dead),
    (Send, _parked),
    (Conversion, _set_aside),
    (Conversion, _oldest_match),
    (Send, _oldest_send),
)


def _count_card(title: StrOrPromise, hint: StrOrPromise, rows: QuerySet[Any], address: str) -> Card:
    count = rows.order_by()[: COUNTED_UP_TO + 1].count()
    value = f"{COUNTED_UP_TO}+" if count > COUNTED_UP_TO else str(count)
    return Card(title, hint, value, address, is_calm=count == 0)


def _age_card(title: StrOrPromise, since: datetime | None, address: str) -> Card:
    if since is None:
        return Card(title, _("nothing waits"), EMPTY, address, is_calm=True)
    is_fresh = timezone.now() - since < A_MINUTE
    return Card(title, _("waiting"), age_text(since), address, is_calm=is_fresh)
