"""The one CSV writer: quoted as RFC 4180 has it, and harmless in a spreadsheet."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from apps.core.csv_export import defuse, stream_csv


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        '=HYPERLINK("http://evil.example.com","Beatriz")',
        "+cmd|' /C calc'!A0",
        "-2+3+cmd|' /C calc'!A0",
        "@SUM(1+1)*cmd|' /C calc'!A0",
        "|calc",
        "%0A=1",
        "\t=1+1",
        "\r=1+1",
        "\n=1+1",
        "  =1+1",
        "\u00a0=1+1",
        "＝1+1",
        "＋1",
        "－1＋1",
        "＠SUM",
    ],
)
def test_what_begins_like_a_formula_is_text(cell: str) -> None:
    assert defuse(cell) == f"'{cell}"


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (Decimal("-197.90"), "-197.90"),
        (Decimal("1E+3"), "1000"),
        (-5, "-5"),
        (0, "0"),
        (-1.5, "-1.5"),
        ("-197,90", "-197,90"),
        ("197.90", "197.90"),
        (True, "True"),
        (None, ""),
        ("", ""),
        ("HP0001", "HP0001"),
        ("a=b", "a=b"),
        ("João – maçã", "João – maçã"),
        (datetime(2026, 11, 22, 18, 0, tzinfo=UTC), "2026-11-22T18:00:00+00:00"),
    ],
)
def test_what_is_harmless_stays_as_it_is(cell: object, text: str) -> None:
    assert defuse(cell) == text


def test_lines_are_read_back_as_they_were_meant() -> None:
    rows: list[list[object]] = [["a,b", 'says "hi"', "two\nlines"], ["=1+1", Decimal("1.5"), None]]

    written = "".join(stream_csv(["one", "two", "=three"], rows))

    assert written.count("\r\n") == 3
    assert list(csv.reader(io.StringIO(written, newline=""))) == [
        ["one", "two", "'=three"],
        ["a,b", 'says "hi"', "two\nlines"],
        ["'=1+1", "1.5", ""],
    ]


def test_rows_are_asked_for_one_at_a_time() -> None:
    asked: list[int] = []

    def rows() -> Iterator[list[int]]:
        for number in range(3):
            asked.append(number)
            yield [number]

    lines = stream_csv(["n"], rows())

    assert (next(lines), asked) == ("n\r\n", [])
    assert (next(lines), asked) == ("0\r\n", [0])
