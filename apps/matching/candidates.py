"""The facts of a whole batch of sales, in one statement whatever its size (two where an id of ours leads nowhere).

From the visits that the sale names it leads on to others of the same browser or person, and from all to their clicks.
A click made by a machine is no candidate, whatever it carries.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple

import msgspec
from django.db import connection

from apps.conversions.models import Conversion
from apps.core.devices import device_family
from apps.core.identity import OTHER_PHONE
from apps.core.metrics import count
from apps.gateways.events import Kind
from apps.matching.facts import Candidate, Facts, Sale, Visit
from apps.matching.rules import CLOCK_TOLERANCE
from apps.matching.signals import DIRECT, LINKED, Signal
from apps.matching.sql import FIND, FIND_FOREIGN, NEWEST

MAX_CANDIDATES = 40


class _Click(NamedTuple):
    click: int
    click_id: str
    clicked_at: datetime
    user_agent: str


class _Row(NamedTuple):
    """A visit that something leads to; `clicks` are its newest and those that `hits` names, some twice."""

    sale: int
    session: int
    signals: frozenset[Signal]
    hits: list[int]
    hit_by: list[Signal]
    crowd: int
    visit_id: str
    first_seen_at: datetime
    last_seen_at: datetime
    fbp: str
    email: str
    phone: str
    clicks: list[_Click]


_READER = msgspec.json.Decoder(list[_Row])


def find_facts(conversions: Sequence[Conversion], windows: Mapping[int, int]) -> dict[int, Facts]:
    """What is known of each conversion, by its id; `windows` are days, by the same. Never of another tenant."""
    sales = [_question(row, windows[row.pk]) for row in conversions]
    rows: dict[int, list[_Row]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(FIND, [msgspec.json.encode(sales).decode()])
        for row in _READER.decode(cursor.fetchall()[0][0]):
            rows[row.sale].append(row)
    foreign = _find_foreign(row for row in conversions if not _is_carried(rows[row.pk]))
    return {row.pk: _facts(row, rows[row.pk], foreign) for row in conversions}


def placed_at(row: Conversion) -> datetime:
    """The earliest that is known of the order; a cart that was left is none yet."""
    times = (moment for word, moment in row.milestones.items() if word != Kind.ABANDONED_CHECKOUT)
    return min([row.occurred_at, *map(datetime.fromisoformat, times)])


def _question(row: Conversion, window_days: int) -> dict[str, Any]:
    """Null for what the sale does not have: no index is looked into for it."""
    placed = placed_at(row)
    return {
        "id": row.pk,
        "tenant_id": row.tenant_id,
        "click_ref": row.click_ref or None,
        "session_ref": row.session_ref or None,
        "email": row.email_sha256 or None,
        "phone": row.phone_sha256 or None,
        "other_phone": next(iter(row.identity.get(OTHER_PHONE, [])), None),
        "fbclid": row.tracking.get("fbclid") or None,
        "fbc": row.tracking.get("fbc") or None,
        "network": network_of(row.buyer_ip) if row.buyer_ip else None,
        # A click that is too old is found as well: it may be the nearest miss.
        "reach": placed - 2 * timedelta(days=window_days),
        "since": placed - timedelta(days=window_days),
        "until": placed + CLOCK_TOLERANCE,
    }


def network_of(address: str) -> str:
    """By which addresses are compared: an IPv4 address itself, of IPv6 the /64 that a home or a phone has."""
    length = 32 if ip_address(address).version == 4 else 64
    return str(ip_network((address, length), strict=False))


def _is_carried(rows: Iterable[_Row]) -> bool:
    return any(Signal.CLICK_ID in row.hit_by or Signal.SESSION_ID in row.signals for row in rows)


def _find_foreign(conversions: Iterable[Conversion]) -> frozenset[str]:
    """Of the ids of ours that lead nowhere, those that are another tenant's. They never match; they are counted."""
    asked = [ref for row in conversions for ref in (row.click_ref, row.session_ref) if ref]
    if not asked:
        return frozenset()
    with connection.cursor() as cursor:
        cursor.execute(FIND_FOREIGN, [asked, asked])
        found = frozenset(public_id for (public_id,) in cursor.fetchall())
    if found:
        count("foreign_ids_carried", len(found))
    return found


def _facts(row: Conversion, rows: Sequence[_Row], foreign: frozenset[str]) -> Facts:
    asked = {ref for ref in (row.click_ref, row.session_ref) if ref}
    carries = "" if not asked else "foreign" if asked & foreign else "known" if _is_carried(rows) else "unknown"
    rows = sorted(rows, key=lambda item: item.session)
    browsers: dict[str, int] = {"": 0}
    for item in rows:
        browsers.setdefault(item.fbp, len(browsers))
    candidates, visits = list[Candidate](), list[Visit]()
    for number, item in enumerate(rows, 1):
        signals, browser = _session_signals(item), browsers[item.fbp]
        candidates += _candidates(row, item, signals, number, browser)
        visits += _visit(item, signals, number, browser)
    kept = sorted(candidates, key=lambda item: (not item.signals.isdisjoint(DIRECT), item.moment), reverse=True)
    return Facts(
        sale=Sale(placed_at(row), carries),
        candidates=kept[:MAX_CANDIDATES],
        visits=visits,
        cut=_cut(rows, len(candidates)),
    )


def _session_signals(item: _Row) -> frozenset[Signal]:
    """A visit that the sale names itself, also by a click's id, is not counted as one that is led to over another."""
    return item.signals if item.signals.union(item.hit_by).isdisjoint(DIRECT) else item.signals - LINKED


def _candidates(
    row: Conversion, item: _Row, of_visit: frozenset[Signal], number: int, browser: int
) -> Iterator[Candidate]:
    others = {Signal.OTHER_IDENTITY} if _is_otherwise_known(row, item) else set()
    for click in {click.click: click for click in item.clicks}.values():
        hits = {signal for hit, signal in zip(item.hits, item.hit_by, strict=True) if hit == click.click}
        # Another click of a visit that is named by a click's id has nothing but the browser.
        signals = (hits | of_visit or {Signal.BROWSER}) | others
        is_near = Signal.ADDRESS in hits
        if is_near and row.buyer_device and device_family(click.user_agent) == row.buyer_device:
            signals.add(Signal.DEVICE)
        yield Candidate(
            click_pk=click.click,
            click_id=click.click_id,
            clicked_at=click.clicked_at,
            last_seen_at=item.last_seen_at,
            signals=frozenset(signals),
            visit=number,
            browser=browser,
            crowd=item.crowd if is_near else 0,
        )


def _is_otherwise_known(row: Conversion, item: _Row) -> bool:
    """Whether the visitor named an e-mail or phone there that is not the buyer's, and none that is."""
    if not (item.email or item.phone):
        return False
    phones = {row.phone_sha256, *row.identity.get(OTHER_PHONE, [])} - {""}
    pairs = [({row.email_sha256} - {""}, item.email), (phones, item.phone)]
    compared = [said in known for known, said in pairs if known and said]
    return bool(compared) and not any(compared)


def _visit(item: _Row, of_visit: frozenset[Signal], number: int, browser: int) -> Iterator[Visit]:
    """None of a visit that nothing but an address leads to."""
    signals = of_visit.union(item.hit_by)
    if signals != {Signal.ADDRESS}:
        yield Visit(
            visit_pk=item.session,
            visit=number,
            visit_id=item.visit_id,
            first_seen_at=item.first_seen_at,
            last_seen_at=item.last_seen_at,
            signals=signals,
            browser=browser,
        )


def _cut(rows: Iterable[_Row], candidates: int) -> tuple[str, ...]:
    """Which look-ups found more than they may give, and "candidates" if together they did."""
    found: Counter[str] = Counter()
    for item in rows:
        found.update(item.signals - LINKED)
        found.update(item.hit_by)
    full = sorted(signal for signal, times in found.items() if times >= NEWEST)
    return (*full, "candidates") if candidates > MAX_CANDIDATES else tuple(full)
