"""`manage.py replay_quarantine [--gateway G] [--id N ...]`: have quarantined deliveries read again, after a fix."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from apps.conversions.models import Quarantine
from apps.conversions.services import request_replay
from apps.gateways.registry import ADAPTERS
from apps.tenants.scoping import unscoped


class Command(BaseCommand):
    """Only asks: the ingest lane reads them within seconds. What still cannot be read stays, with the new reason."""

    help = "Have quarantined deliveries read again; all that wait, unless options narrow it down."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--gateway", choices=sorted(ADAPTERS), help="only this gateway's")
        parser.add_argument("--id", type=int, nargs="+", dest="ids", metavar="N", help="only these of the quarantine")

    def handle(self, *args: Any, **options: Any) -> None:
        with unscoped():
            rows = Quarantine.objects.all()
            if options["gateway"]:
                rows = rows.filter(delivery__gateway=options["gateway"])
            if options["ids"]:
                rows = rows.filter(pk__in=options["ids"])
            requested = request_replay(rows)
        self.stdout.write(f"{requested} quarantined deliveries will be read again.")
