"""What the page of dead letters is made of: tiles, piles, the form that narrows, and the rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.db import connection
from django.db.models import Count
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django_stubs_ext import StrOrPromise

from apps.conversions.admin.shared import written
from apps.conversions.models import Conversion, Quarantine
from apps.conversions.services import MAX_MATCH_FAILURES
from apps.core.admin import Table, moment, row_link
from apps.core.admin.columns import EMPTY
from apps.dispatch.admin.alarms import age_text
from apps.dispatch.letters.filters import Condition, Queue
from apps.dispatch.letters.letters import Letter
from apps.dispatch.letters.summary import Pile
from apps.dispatch.letters.words import QUEUE_NAMES
from apps.dispatch.models import Send
from apps.funnels.models import Funnel
from apps.tenants.models import Tenant

PAGE = "dispatch_deadletters"
TENANTS_SHOWN = 200
PILES_SHOWN = 50
COUNTED_UP_TO = 1000
# Of each tenant no more than it takes to know that there are many.
_COUNT_SENDS = """
SELECT t.id, dead.n, expired.n FROM tenants_tenant t
CROSS JOIN LATERAL (SELECT count(*) AS n FROM (
    SELECT FROM dispatch_send WHERE tenant_id = t.id AND status = 'dead' LIMIT %(limit)s) AS few) AS dead
CROSS JOIN LATERAL (SELECT count(*) AS n FROM (
    SELECT FROM dispatch_send WHERE tenant_id = t.id AND status = 'expired' LIMIT %(limit)s) AS few) AS expired
WHERE dead.n > 0 OR expired.n > 0
"""


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure on top, perhaps with the list behind it."""

    title: StrOrPromise
    value: str
    hint: str
    address: str
    is_chosen: bool


class Choice(NamedTuple):
    """A select of the form: its name, title, and (value, text) of each option."""

    name: str
    title: str
    options: Sequence[tuple[str, str]]


def page_address(**query: str) -> str:
    return f"{reverse(f'admin:{PAGE}')}?{urlencode(query)}" if query else reverse(f"admin:{PAGE}")


def tenants_table() -> Table:
    """Who has dead letters, those with the most of them first."""
    counts = _count_by_tenant()
    names = Tenant.objects.in_bulk(list(counts))
    order = sorted(counts, key=lambda pk: (-sum(counts[pk].values()), str(names[pk])))[:TENANTS_SHOWN]
    columns = (Condition.DEAD.value, Condition.EXPIRED.value, Queue.MATCH.value, Queue.INGEST.value)
    return Table(
        title=_("Tenants with dead letters"),
        headers=(_("tenant"), _("refused for good"), _("expired"), _("not matched"), _("could not be read")),
        rows=[
            (_link(page_address(tenant=str(pk)), str(names[pk])), *(_bounded(counts[pk].get(it, 0)) for it in columns))
            for pk in order
        ],
    )


def _count_by_tenant() -> dict[Any, dict[str, int]]:
    counts: dict[Any, dict[str, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_SENDS, {"limit": COUNTED_UP_TO + 1})
        for pk, dead, expired in cursor.fetchall():
            counts[pk] = {Condition.DEAD.value: dead, Condition.EXPIRED.value: expired}
    given_up = Conversion.objects.filter(match_failures__gte=MAX_MATCH_FAILURES)
    unread = Quarantine.objects.filter(state=Quarantine.State.WAITING)
    for queue, rows in ((Queue.MATCH, given_up), (Queue.INGEST, unread)):
        for pk, count in rows.order_by().values_list("tenant").annotate(Count("pk")):
            counts.setdefault(pk, {})[queue.value] = count
    return counts


def _bounded(count: int) -> str:
    return f"{COUNTED_UP_TO}+" if count > COUNTED_UP_TO else str(count)


def tiles_of(tenant: Tenant, chosen: Queue, piles: Mapping[Queue, Sequence[Pile]]) -> list[Tile]:
    """One for each queue."""
    return [
        Tile(
            title=QUEUE_NAMES[queue],
            value=str(sum(pile.count for pile in found)),
            hint=_hint(found),
            address=page_address(tenant=str(tenant.pk), queue=queue),
            is_chosen=queue is chosen,
        )
        for queue, found in piles.items()
    ]


def _hint(piles: Sequence[Pile]) -> str:
    if not piles:
        return _("none")
    oldest = min(pile.oldest for pile in piles if pile.oldest)
    age = _("the oldest for %(age)s") % {"age": age_text(oldest)}
    return " · ".join([*_money(piles), age])


def _money(piles: Sequence[Pile]) -> list[str]:
    sums: dict[str, Decimal] = {}
    for pile in piles:
        for currency, amount in pile.money.items():
            sums[currency] = sums.get(currency, Decimal(0)) + amount
    return [written(amount, currency) for currency, amount in sorted(sums.items())]


def piles_table(tenant: Tenant, piles: Sequence[Pile]) -> Table:
    return Table(
        title=_("By reason"),
        headers=(_("what happened, and what to do"), _("destination"), _("letters"), _("money"), _("oldest")),
        rows=[
            (
                f"{pile.sentence} {pile.next_step}",
                row_link(pile.destination),
                _link(_pile_address(tenant, pile), str(pile.count)),
                _whole(", ".join(_money([pile])) or EMPTY),
                moment(pile.oldest),
            )
            for pile in piles[:PILES_SHOWN]
        ],
    )


def _pile_address(tenant: Tenant, pile: Pile) -> str:
    query = {"tenant": str(tenant.pk), "queue": str(pile.queue), "reason": pile.reason}
    return page_address(**query, **({"destination": str(pile.destination.pk)} if pile.destination else {}))


def choices_of(tenant: Tenant, queue: Queue, piles: Sequence[Pile]) -> list[Choice]:
    """What the form offers: only reasons and destinations that there are."""
    reasons = {pile.reason: f"{pile.reason}: {pile.sentence}" for pile in piles}
    funnels = {str(pk): name for pk, name in Funnel.objects.filter(tenant=tenant).values_list("pk", "name")[:100]}
    offered = [Choice("reason", _("reason"), _options(reasons)), Choice("funnel", _("funnel"), _options(funnels))]
    if queue is Queue.DISPATCH:
        destinations = {str(pile.destination.pk): str(pile.destination) for pile in piles if pile.destination}
        states = {Condition.DEAD.value: _("refused for good"), Condition.EXPIRED.value: _("expired")}
        offered.append(Choice("destination", _("destination"), _options(destinations)))
        offered.append(Choice("status", _("status"), _options(states)))
    return offered


def _options(texts: Mapping[str, str]) -> list[tuple[str, str]]:
    return [("", _("all")), *sorted(texts.items(), key=lambda item: item[1])]


def cells_of(row: Any, letter: Letter) -> Sequence[Any]:
    """In the order of `headers`."""
    answer = letter.answer
    numbers = [answer.http_status, answer.code, answer.subcode] if answer else []
    said = "/".join(str(number) for number in numbers if number is not None)
    value = _whole(written(letter.value, letter.currency))
    return (
        moment(letter.since),
        _source(row, letter),
        value,
        letter.sentence,
        row_link(letter.destination),
        _whole(said or EMPTY),
    )


def headers() -> Sequence[str]:
    return (
        *(_("since (UTC)"), _("sale or delivery"), _("value"), _("what happened")),
        *(_("destination"), _("last answer")),
    )


def _source(row: Any, letter: Letter) -> SafeString | str:
    if isinstance(row, Send):
        return row_link(row.event, f"{letter.event_name} {letter.order_id or ''}".strip())
    return row_link(row, letter.order_id or "")


def _whole(text: str) -> SafeString:
    """Never broken over lines."""
    return format_html('<span class="whitespace-nowrap">{}</span>', text)


def _link(address: str, text: str) -> SafeString:
    return format_html('<a class="text-link" href="{}">{}</a>', address, text)
