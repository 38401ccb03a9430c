"""The judgement. What the gateways were promised, what the platforms' own records hold, what the hub's books say.

`judge` is pure: it is given all three and names everything in which they do not agree.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.chaos.sales import Order, Story

SOLD = "Purchase"
COMPLETE = frozenset({"accepted", "duplicate"})
FINAL = COMPLETE | {"excluded", "dead", "blocked", "expired"}
_MOST_NAMED = 12


@dataclass(frozen=True, slots=True)
class Copy:
    """One event in a platform's record. `is_first` is the record's own word: it counted it, or dropped it as a copy."""

    pixel: str
    event_id: str
    name: str
    order_id: str
    currency: str
    cents: int
    is_first: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """A sale in the hub's books at one destination; `status` is "" where it has none."""

    pixel: str
    order_id: str
    currency: str
    cents: int
    status: str
    reason: str


@dataclass(frozen=True, slots=True)
class Sale:
    """What was acknowledged."""

    order: Order
    is_refunded: bool

    @property
    def may_be_refused(self) -> bool:
        return self.order.story is Story.POISON


@dataclass
class Judgement:
    """`problems` in words, by kind; `figures` for people."""

    problems: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    figures: Counter[str] = field(default_factory=Counter)
    money: dict[str, dict[str, int]] = field(default_factory=dict)

    def describe(self) -> Iterator[str]:
        for kind, items in self.problems.items():
            more = f" ... and {len(items) - _MOST_NAMED} more" if len(items) > _MOST_NAMED else ""
            yield f"{kind}: {len(items)}: {'; '.join(items[:_MOST_NAMED])}{more}"


def judge(
    sales: Iterable[Sale], places: Mapping[int, Sequence[str]], copies: Sequence[Copy], books: Sequence[Entry]
) -> Judgement:
    """`places` are each funnel's pixels, by its number. No problems: nothing lost, nothing twice, all in its place."""
    judgement = Judgement()
    expected = {(pixel, sale.order.order_id): sale for sale in sales for pixel in places[sale.order.funnel]}
    accepted = _read_record(copies, expected, judgement)
    entries = _read_books(books, expected, judgement)
    for key, sale in expected.items():
        entry = entries.get(key)
        if entry is not None:
            _compare(key, sale, entry, accepted.get(key), judgement)
        judgement.figures["accepted"] += key in accepted
    judgement.figures["sales x destinations"] = len(expected)
    judgement.money = _add_up(expected.values(), books, copies, places)
    for currency, sums in judgement.money.items():
        if sums["told"] != sums["books"]:
            judgement.problems["money"].append(f"{currency}: {sums}")
    return judgement


Key = tuple[str, str]  # pixel, order id


def _read_record(copies: Sequence[Copy], expected: Mapping[Key, Sale], judgement: Judgement) -> dict[Key, Copy]:
    """The one accepted Purchase of each order at each pixel."""
    accepted: dict[Key, Copy] = {}
    counted = Counter((copy.pixel, copy.event_id) for copy in copies if copy.is_first)
    judgement.problems["accepted twice"] += [f"{pixel} {event}" for (pixel, event), n in counted.items() if n > 1]
    judgement.figures["copies that the platform dropped"] = sum(not copy.is_first for copy in copies)
    judgement.figures["events accepted"] = len(counted)
    for copy in copies:
        if not copy.is_first or copy.name != SOLD:
            continue
        key = (copy.pixel, copy.order_id)
        sale = expected.get(key)
        if sale is None:
            judgement.problems["accepted though never sold"].append(f"{copy.pixel} {copy.order_id}")
        elif key in accepted:
            judgement.problems["one order, two events accepted"].append(f"{copy.pixel} {copy.order_id}")
        elif (copy.currency, copy.cents) != (sale.order.currency, sale.order.cents):
            judgement.problems["wrong money accepted"].append(
                f"{copy.order_id}: {copy.currency} {copy.cents} for {sale.order.currency} {sale.order.cents}"
            )
        accepted[key] = copy
    judgement.problems = _without_empty(judgement.problems)
    return accepted


def _read_books(books: Sequence[Entry], expected: Mapping[Key, Sale], judgement: Judgement) -> dict[Key, Entry]:
    entries: dict[Key, Entry] = {}
    for entry in books:
        key = (entry.pixel, entry.order_id)
        if key in entries:
            judgement.problems["in two buckets"].append(f"{entry.pixel} {entry.order_id}")
        elif key not in expected:
            judgement.problems["in the books though never told"].append(f"{entry.pixel} {entry.order_id}")
        entries[key] = entry
        judgement.figures[f"bucket {entry.status or 'none'}"] += 1
    judgement.problems["acknowledged and not in the books"] += [" ".join(key) for key in expected if key not in entries]
    judgement.problems = _without_empty(judgement.problems)
    return entries


def _compare(key: Key, sale: Sale, entry: Entry, accepted: Copy | None, judgement: Judgement) -> None:
    named = f"{key[0]} {key[1]} ({entry.status} {entry.reason})"
    if entry.status not in FINAL:
        judgement.problems["in no final bucket"].append(named)
    if accepted is None and not _may_be_absent(sale, entry):
        judgement.problems["lost"].append(named)
    if (accepted is not None) != (entry.status in COMPLETE):
        judgement.problems["the books and the platform disagree"].append(
            f"{named} {'was' if accepted else 'was not'} accepted"
        )


def _may_be_absent(sale: Sale, entry: Entry) -> bool:
    """A refund before the send, or an order that the platform never takes."""
    if sale.is_refunded and (entry.status, entry.reason) == ("excluded", "refunded_before_send"):
        return True
    return sale.may_be_refused and entry.status == "dead"


def _add_up(
    sales: Iterable[Sale], books: Sequence[Entry], copies: Sequence[Copy], places: Mapping[int, Sequence[str]]
) -> dict[str, dict[str, int]]:
    """Cents by currency: as the gateways told, in all buckets, and as accepted; each destination counts."""
    sums: dict[str, dict[str, int]] = defaultdict(lambda: {"told": 0, "books": 0, "accepted": 0})
    for sale in sales:
        sums[sale.order.currency]["told"] += sale.order.cents
    for entry in books:
        sums[entry.currency]["books"] += entry.cents
    for copy in copies:
        if copy.is_first and copy.name == SOLD:
            sums[copy.currency]["accepted"] += copy.cents
    return dict(sums)


def _without_empty(problems: Mapping[str, list[str]]) -> dict[str, list[str]]:
    return defaultdict(list, {kind: items for kind, items in problems.items() if items})


def read_cents(value: Any) -> int:
    """Of a JSON number or decimal text; -1 for what is not a whole number of cents."""
    cents = Decimal(str(value)) * 100
    return int(cents) if cents == cents.to_integral_value() else -1
