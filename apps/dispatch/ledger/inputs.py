"""What is asked of the ledger's addresses, read strictly: every wrong value is named in its own sentence."""

import re
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.shortcuts import get_object_or_404
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _
from rest_framework import serializers

from apps.core.errors import BadInput
from apps.dispatch.ledger.queries import Scope
from apps.dispatch.ledger.rules import Bucket, Sum
from apps.funnels.models import Destination, Funnel
from apps.gateways.currencies import CURRENCIES
from apps.gateways.registry import ADAPTERS
from apps.tenants.scoping import current_tenant_id

_YEARS = range(1970, 2100)
# A plus that was not percent-encoded arrives as a blank.
_LOST_PLUS = re.compile(r" (?=[0-9]{2}:?[0-9]{2}$)")


def read_scope(query: Mapping[str, str]) -> Scope:
    """`since`, `until` and `funnel` of the caller's tenant. A funnel that is unknown or another's is not found."""
    since, until = read_period(query)
    funnel_id = _read_id(query, "funnel")
    if funnel_id:
        get_object_or_404(Funnel.objects.only("id"), pk=funnel_id)
    return Scope(tenant_id=current_tenant_id(), funnel_id=funnel_id, since=since, until=until)


def read_place(query: Mapping[str, str]) -> tuple[Bucket | None, uuid.UUID | None]:
    """`bucket` and `destination`: either asks for orders in place of sums."""
    word, destination_id = query.get("bucket"), _read_id(query, "destination")
    if word is not None and word not in list(Bucket):
        raise _refuse("bucket", _("one of: ") + ", ".join(Bucket))
    if destination_id:
        get_object_or_404(Destination.objects.only("id"), pk=destination_id)
    return Bucket(word) if word else None, destination_id


def read_period(query: Mapping[str, Any]) -> tuple[datetime | None, datetime | None]:
    since, until = (_read_time(query, name) for name in ("since", "until"))
    if since and until and until <= since:
        raise _refuse("until", _("this must be later than `since`"))
    return since, until


def read_gateway(query: Mapping[str, str]) -> str:
    gateway = query.get("gateway", "")
    if gateway not in ADAPTERS:
        raise _refuse("gateway", _("one of: ") + ", ".join(sorted(ADAPTERS)))
    return gateway


class TotalInput(serializers.Serializer[Any]):
    """What a gateway says it sold in one currency."""

    currency = serializers.ChoiceField(choices=sorted(CURRENCIES))
    orders = serializers.IntegerField(min_value=0, max_value=2**31)
    amount = serializers.DecimalField(max_digits=18, decimal_places=3, min_value=Decimal(0))


class TotalsInput(serializers.Serializer[Any]):
    """The sums of a gateway's own report, of the orders approved from `since` up to but without `until`."""

    totals = TotalInput(many=True, allow_empty=False)
    since = serializers.CharField(required=False, max_length=40)
    until = serializers.CharField(required=False, max_length=40)


def read_sums(totals: Iterable[Mapping[str, Any]]) -> list[Sum]:
    return [Sum(item["currency"], item["orders"], item["amount"]) for item in totals]


def _read_id(query: Mapping[str, str], name: str) -> uuid.UUID | None:
    text = query.get(name)
    if text is None:
        return None
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise _refuse(name, _("not an id")) from error


def _read_time(query: Mapping[str, Any], name: str) -> datetime | None:
    """A day begins at midnight UTC; a time without a zone is UTC."""
    text = query.get(name)
    if text is None:
        return None
    moment = _parse(_LOST_PLUS.sub("+", text))
    if moment is None:
        raise _refuse(name, _("a day or a time in ISO 8601, as in 2026-11-22 or 2026-11-22T10:00:00-03:00"))
    return moment


def _parse(text: str) -> datetime | None:
    """In UTC; None for what is no time of these two centuries."""
    try:
        day = parse_date(text)
        moment = datetime(day.year, day.month, day.day, tzinfo=UTC) if day else parse_datetime(text)
        if moment is None:
            return None
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        return moment if moment.year in _YEARS else None
    except (ValueError, OverflowError):
        return None


def _refuse(name: str, sentence: str) -> BadInput:
    return BadInput(_("Correct the fields named in `errors` and send it again."), fields={name: sentence})
