"""Amounts as people and programs write them: "R$ 1.234,56", "1,234.56 USD", "1234.5". Pure.

One cell can be unclear: 1.234 is a thousand in Brazil and not quite one and a quarter elsewhere. What the other cells
of the file show decides; where they show nothing, nothing is guessed.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from apps.dispatch.ledger.export_words import SYMBOLS
from apps.gateways.currencies import CURRENCIES

_CELL = re.compile(
    r"(?P<sign>-?)(?P<before>[A-Za-z$€£]{0,4})(?P<inner>[-(]?)(?P<digits>[0-9][0-9.,]{0,30})\)?(?P<after>[A-Za-z€£]{0,3})"
)
_BLANKS = re.compile(r"[\s\u00a0\u202f']")
_THOUSANDTH = Decimal("0.001")
_MAX_DIGITS = 15


@dataclass(frozen=True, slots=True)
class Written:
    """An amount before it is known which mark is the decimal one; `currency` if the cell names it."""

    digits: str
    currency: str
    is_negative: bool

    @property
    def mark(self) -> str | None:
        """The decimal mark, if the cell alone shows it: "." or ","; "" where there is none to be seen."""
        found = [char for char in self.digits if char in ".,"]
        if not found:
            return ""
        last = found[-1]
        if len(set(found)) == 2:
            return last
        if len(found) > 1:
            return _other(last)
        whole, _mark, rest = self.digits.partition(last)
        return None if len(rest) == 3 and len(whole) <= 3 and whole != "0" else last


def read_written(cell: str) -> Written | None:
    found = _CELL.fullmatch(_BLANKS.sub("", cell))
    if not found:
        return None
    letters = [text for text in (found["before"], found["after"]) if text]
    currencies = [code for text in letters if (code := _currency_of(text))]
    if len(currencies) < len(letters):
        return None
    return Written(found["digits"], currencies[0] if currencies else "", bool(found["sign"] or found["inner"]))


def common_mark(amounts: Iterable[Written]) -> str | None:
    """The decimal mark that all clear cells of a file share; None if they show none, or do not agree."""
    marks = {amount.mark for amount in amounts} - {None, ""}
    return marks.pop() if len(marks) == 1 else None


def to_decimal(amount: Written, common: str | None) -> Decimal | None:
    """None where it cannot be read: badly grouped, too long, or unclear while `common` does not say."""
    mark = common if amount.mark is None else amount.mark or "."
    if mark is None:
        return None
    grouping = re.escape(_other(mark))
    pattern = rf"(?:[0-9]+|[0-9]{{1,3}}(?:{grouping}[0-9]{{3}})+)(?:{re.escape(mark)}[0-9]+)?"
    plain = amount.digits.replace(_other(mark), "").replace(mark, ".")
    if not re.fullmatch(pattern, amount.digits) or len(plain.partition(".")[0]) > _MAX_DIGITS:
        return None
    return Decimal(plain).quantize(_THOUSANDTH)


def _other(mark: str) -> str:
    return "," if mark == "." else "."


def _currency_of(text: str) -> str:
    code = SYMBOLS.get(text.upper(), text.upper())
    return code if code in CURRENCIES else ""
