"""A gateway's export of its sales, as somebody saved it from a web page or a spreadsheet. Pure.

Taken as it comes: comma, semicolon or tab; UTF-8, UTF-16 or Latin-1; titles above the header; either decimal mark. A
line that cannot be read is named with the reason, and hides no other.
"""

import codecs
import csv
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from apps.dispatch.ledger.export_money import Written, common_mark, read_written, to_decimal
from apps.dispatch.ledger.export_words import COLUMN_WORDS, OTHER_SUMS, STATUS_WORDS, SYMBOLS, Column, Standing
from apps.gateways.currencies import CURRENCIES

# Exports begin with a title at most; and a cell with line ends in it is an address at most.
_HEADER_WITHIN, _LONGEST_HEADER = 20, 10_000
_LONGEST_RECORD = 20
# Looking for the end of a quotation costs that many lines each time; whoever leaves so many open has closed none.
_QUOTES_FOLLOWED = 50
MAX_LINES = 200_000
"""More than a body of the API's holds of real sales, and few enough to be read while somebody waits."""
_ID_LENGTH = 200
_SEPARATORS = ";,\t"
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_NOT_WORDS = re.compile(r"[^a-z0-9]+")
_LINE_ENDS = re.compile(r"\r\n|\r|\n")
# How spreadsheets are kept from reading an id as a number.
_KEPT_AS_TEXT = re.compile(r'="(.*)"|\'(.*)')


class Why(StrEnum):
    """Why a line says nothing."""

    NO_ORDER = "no_order"
    NO_AMOUNT = "no_amount"
    NEGATIVE = "negative"
    AMBIGUOUS = "ambiguous"
    CURRENCY = "currency"
    STATUS = "status"
    REPEATED = "repeated"
    HEADER = "header"
    QUOTES = "quotes"
    MALFORMED = "malformed"
    NUL = "nul"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """One line, counted from 1 as an editor does."""

    line: int
    why: Why


@dataclass(frozen=True, slots=True)
class ExportedOrder:
    """What one line says of one order; `currency` is "" where the export names none."""

    line: int
    order_id: str
    amount: Decimal
    currency: str
    standing: Standing


@dataclass(frozen=True, slots=True)
class Export:
    """All that a file says. Each order is there once."""

    orders: Sequence[ExportedOrder]
    unreadable: Sequence[Unreadable]


class NotAnExport(ValueError):
    """No line of the beginning names an order and an amount: it is some other file."""


class TooManyLines(ValueError):
    """More than the caller is willing to read."""


@dataclass(frozen=True, slots=True)
class _Record:
    """The cells that begin at `line`; instead of cells, why there are none."""

    line: int
    cells: Sequence[str]
    why: Why | None = None


@dataclass(frozen=True, slots=True)
class _Header:
    """Where each column is, what separates cells, and how the header writes order and amount."""

    line: int
    separator: str
    columns: Mapping[Column, int]
    titles: tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Row:
    """A line on its way to an order: its amount is not a number yet."""

    line: int
    order_id: str
    amount: Written
    currency: str
    standing: Standing


def read_export(raw: bytes, max_lines: int = MAX_LINES) -> Export:
    """Raises NotAnExport and TooManyLines."""
    lines = _LINE_ENDS.split(_decode(raw))
    if len(lines) > max_lines:
        raise TooManyLines
    header = _find_header(lines)
    rows, unreadable = list[_Row](), list[Unreadable]()
    for record in _records(lines, header):
        found = record.why or _read_row(record, header)
        if isinstance(found, _Row):
            rows.append(found)
        elif found:
            unreadable.append(Unreadable(record.line, found))
    orders, worse = _price(rows)
    return Export(orders, sorted([*unreadable, *worse], key=lambda item: item.line))


def normal(text: str) -> str:
    """In lower case, without accents and punctuation."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return _NOT_WORDS.sub(" ", plain).strip()


def _decode(raw: bytes) -> str:
    if raw.startswith(_UTF16):
        return raw.decode("utf-16", "replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _find_header(lines: Sequence[str]) -> _Header:
    for place, line in enumerate(lines[:_HEADER_WITHIN]):
        for separator in _SEPARATORS if len(line) <= _LONGEST_HEADER else ():
            cells = line.split(separator)
            columns = _find_columns(cells)
            if Column.ORDER in columns and Column.AMOUNT in columns:
                titles = _plain(cells[columns[Column.ORDER]]), _plain(cells[columns[Column.AMOUNT]])
                return _Header(place, separator, columns, titles)
    raise NotAnExport


def _find_columns(cells: Sequence[str]) -> dict[Column, int]:
    names = [normal(cell) for cell in cells]
    found: dict[Column, int] = {}
    for column, words in COLUMN_WORDS.items():
        place = _find_column(names, words, taken=found.values())
        if place is not None:
            found[column] = place
    return found


def _find_column(names: Sequence[str], words: Sequence[str], taken: Collection[int]) -> int | None:
    free = [place for place in range(len(names)) if place not in taken]
    exact = (place for word in words for place in free if names[place] == word)
    alike = (
        place
        for word in words
        for place in free
        if names[place].startswith(f"{word} ") and not OTHER_SUMS & set(names[place].split())
    )
    return next(exact, next(alike, None))


def _records(lines: Sequence[str], header: _Header) -> Iterator[_Record]:
    """Line by line, so that a quotation mark that nobody closes costs its own line and no other."""
    place, left_open = header.line + 1, 0
    while place < len(lines):
        longest = _LONGEST_RECORD if left_open < _QUOTES_FOLLOWED else 1
        record, used = _read_record(lines, place, header.separator, longest)
        left_open += record.why is Why.QUOTES
        if record.why or any(cell.strip() for cell in record.cells):
            yield record
        place += used


def _read_record(lines: Sequence[str], place: int, separator: str, longest: int) -> tuple[_Record, int]:
    """The record that begins at `place`, and how many lines it takes."""
    if "\0" in lines[place]:
        return _Record(place + 1, (), Why.NUL), 1
    if '"' not in lines[place]:
        return _Record(place + 1, lines[place].split(separator)), 1
    for used in range(1, longest + 1):
        chunk = lines[place : place + used]
        try:
            cells = list(csv.reader(["\n".join(chunk)], delimiter=separator, strict=True))
        except csv.Error as error:
            if "unexpected end" not in str(error):
                return _Record(place + 1, (), Why.MALFORMED), 1
            continue
        return _Record(place + 1, cells[0] if cells else ()), used
    return _Record(place + 1, (), Why.QUOTES), 1


def _read_row(record: _Record, header: _Header) -> _Row | Why:
    def cell(column: Column) -> str:
        place = header.columns.get(column, len(record.cells))
        return record.cells[place].strip() if place < len(record.cells) else ""

    if (_plain(cell(Column.ORDER)), _plain(cell(Column.AMOUNT))) == header.titles:
        return Why.HEADER
    order_id, written = _as_text(cell(Column.ORDER)), read_written(cell(Column.AMOUNT))
    standing = _read_status(cell(Column.STATUS)) if Column.STATUS in header.columns else Standing.PAID
    if not order_id or len(order_id) > _ID_LENGTH:
        return Why.NO_ORDER
    if written is None or written.is_negative:
        return Why.NEGATIVE if written else Why.NO_AMOUNT
    if standing is None:
        return Why.STATUS
    named = cell(Column.CURRENCY)
    currency = _read_currency(named) if named else written.currency
    return Why.CURRENCY if currency is None else _Row(record.line, order_id, written, currency, standing)


def _price(rows: Sequence[_Row]) -> tuple[list[ExportedOrder], list[Unreadable]]:
    """All amounts together, because each shows how the others are written."""
    common = common_mark(row.amount for row in rows)
    orders: dict[str, ExportedOrder] = {}
    unreadable = []
    for row in rows:
        amount = to_decimal(row.amount, common)
        if amount is None:
            is_unclear = row.amount.mark is None
            unreadable.append(Unreadable(row.line, Why.AMBIGUOUS if is_unclear else Why.NO_AMOUNT))
        elif row.order_id in orders:
            unreadable.append(Unreadable(row.line, Why.REPEATED))
        else:
            orders[row.order_id] = ExportedOrder(row.line, row.order_id, amount, row.currency, row.standing)
    return list(orders.values()), unreadable


def _plain(title: str) -> str:
    return title.strip(' "').casefold()


def _as_text(cell: str) -> str:
    kept = _KEPT_AS_TEXT.fullmatch(cell)
    return (kept[1] or kept[2] or "").strip() if kept else cell


def _read_currency(cell: str) -> str | None:
    code = SYMBOLS.get(cell.upper(), cell.upper())
    return code if code in CURRENCIES else None


def _read_status(cell: str) -> Standing | None:
    words = set(normal(cell).split())
    return next((standing for known, standing in STATUS_WORDS if known & words), None)
