"""`manage.py check_ledger [--tenant T] [--all]`: is every approved order in exactly one bucket at each destination?

Exits with 1 if not: docs/runbooks/ledger-does-not-balance.md says what then.
"""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand

from apps.dispatch.ledger.check import Unbalanced, check_ledger
from apps.pipeline.management.tools import printable


class Command(BaseCommand):
    """Only reads."""

    help = "Check that every approved order stands in one bucket of the ledger; of the newest orders unless told."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", type=UUID, metavar="ID", help="only this account's")
        parser.add_argument("--all", action="store_true", help="every order, however long ago")

    def handle(self, *args: Any, **options: Any) -> None:
        checked = check_ledger(options["tenant"], whole=options["all"])
        for found in checked.unbalanced:
            self.stdout.write(_describe(found))
        self.stdout.write(f"{checked.orders} orders looked at, {checked.missing} not accounted for.")
        if checked.unbalanced:
            raise SystemExit(1)


def _describe(found: Unbalanced) -> str:
    sums = f"{found.orders} orders, {found.amount:.3f} {found.currency}".rstrip()
    names = [f"{place.gateway} {printable(place.order_id)} ({place.reason})" for place in found.named]
    more = ["..."] if len(names) < found.orders else []
    return f"destination {found.destination_id}: {sums} in no bucket: {', '.join([*names, *more])}"
