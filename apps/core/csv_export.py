"""CSV that nobody's spreadsheet runs: RFC 4180, UTF-8, and no cell that a program would take for a formula.

Much of what is exported was written by strangers: order ids, product names, reasons. A text that begins like a formula
gets an apostrophe before it; numbers stay numbers.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal

_NUMBER = re.compile(r"-?[0-9]+(?:[.,][0-9]+)?")
# The last four are the full-width forms of the first: some programs take them for the same.
_BEGINS_A_FORMULA = re.compile(r"\s*[=+\-@|%＝＋－＠]|[\t\r\n]")


def stream_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """A line at a time, the header first, for a streamed answer. Lines end in CRLF."""
    writer = csv.writer(_Line())
    yield writer.writerow([defuse(name) for name in header])
    for row in rows:
        yield writer.writerow([defuse(cell) for cell in row])


def defuse(cell: object) -> str:
    """The cell's text, harmless; times in ISO 8601, nothing for None."""
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.isoformat()
    if isinstance(cell, Decimal):
        return f"{cell:f}"
    text = str(cell)
    if isinstance(cell, int | float) or _NUMBER.fullmatch(text):
        return text
    return f"'{text}" if _BEGINS_A_FORMULA.match(text) else text


class _Line:
    """What the csv module takes for a file: it hands each line back."""

    def write(self, line: str) -> str:
        return line
