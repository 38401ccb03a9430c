"""`manage.py reconcile --tenant T --gateway G export.csv`: a gateway's export of its sales against the hub's orders.

Exits with 1 if they differ. `--report` writes all that is named as CSV, safe to open in a spreadsheet.
"""

from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import override

from apps.core.csv_export import stream_csv
from apps.core.errors import BadInput
from apps.dispatch.ledger.export import Export, NotAnExport, TooManyLines, read_export
from apps.dispatch.ledger.inputs import read_period
from apps.dispatch.ledger.reconcile import Named, Period, Reconciliation, reconcile
from apps.dispatch.ledger.words import MISSING_HERE, UNREADABLE
from apps.gateways.registry import ADAPTERS
from apps.pipeline.management.tools import printable

MAX_BYTES, MAX_LINES = 64 * 1024 * 1024, 1_000_000
HEADER = ("finding", "order_id", "line", "amount", "currency", "what", "theirs", "ours", "why")


class Command(BaseCommand):
    """Only reads."""

    help = "Compare a gateway's export of its sales with the hub's orders: what is missing, extra, or different."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("export", type=Path, help="the CSV file as the gateway made it")
        parser.add_argument("--tenant", type=UUID, required=True, metavar="ID")
        parser.add_argument("--gateway", choices=sorted(ADAPTERS), required=True)
        parser.add_argument("--since", help="the first day or time of the export (ISO 8601)")
        parser.add_argument("--until", help="the day or time before which it ends")
        parser.add_argument("--report", type=Path, metavar="FILE", help="write everything that is named to this file")

    def handle(self, *args: Any, **options: Any) -> None:
        period = _read_period({name: options[name] for name in ("since", "until") if options[name]})
        found = reconcile(options["tenant"], options["gateway"], _read(options["export"]), period)
        for total in found.both:
            self.stdout.write(f"in both: {total.orders} orders, {total.amount:.3f} {total.currency}".rstrip())
        with override("en"):
            rows = list(_rows(found))
        for row in rows:
            self.stdout.write(" ".join(printable(str(cell)) for cell in row if cell not in (None, "")))
        self.stdout.write(
            f"{len(found.missing)} missing, {len(found.extra)} extra, {len(found.differing)} different, "
            f"{len(found.unreadable)} lines unreadable."
        )
        if options["report"]:
            options["report"].write_text("".join(stream_csv(HEADER, rows)), encoding="utf-8-sig", newline="")
        if not found.is_equal:
            raise SystemExit(1)


def _read(path: Path) -> Export:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise CommandError(f"{path} has more than {MAX_BYTES} bytes. Export fewer days.")
        return read_export(raw, max_lines=MAX_LINES)
    except TooManyLines as error:
        raise CommandError(f"{path} has more than {MAX_LINES} lines. Export fewer days.") from error
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
    except NotAnExport as error:
        raise CommandError(f"{path} has no header that names an order id and an amount.") from error


def _read_period(told: dict[str, str]) -> Period:
    try:
        times: tuple[datetime | None, datetime | None] = read_period(told)
    except BadInput as error:
        raise CommandError("; ".join(f"--{name}: {sentence}" for name, sentence in error.fields.items())) from error
    return Period(*times)


def _rows(found: Reconciliation) -> Iterator[tuple[object, ...]]:
    """In the columns of HEADER."""
    for finding, named in (*(("missing", row) for row in found.missing), *(("extra", row) for row in found.extra)):
        yield _named(finding, named)
    for item in found.differing:
        yield "different", item.order_id, item.line, None, None, item.what, item.theirs, item.ours, None
    for line in found.unreadable:
        yield "unreadable", None, line.line, None, None, None, None, None, str(UNREADABLE[line.why])


def _named(finding: str, named: Named) -> tuple[object, ...]:
    why = str(MISSING_HERE.get(named.reason, ""))
    return finding, named.order_id, named.line, named.amount, named.currency, None, None, named.status or None, why
