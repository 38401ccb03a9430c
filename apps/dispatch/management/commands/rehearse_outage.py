"""Rehearse an outage of an ad platform on a virtual clock: nothing is sent and nothing is stored."""

import json
import re
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from apps.dispatch.registry import PLATFORMS
from apps.dispatch.rehearsal.picture import draw_picture, plot
from apps.dispatch.rehearsal.plan import HOUR, Plan, Trouble, Workers
from apps.dispatch.rehearsal.report import Report, describe
from apps.dispatch.rehearsal.simulation import rehearse

_RATE = re.compile(r"([0-9]+(?:\.[0-9]+)?)(?:/(s|min|h))?")
_PER_MINUTE = {None: 1.0, "s": 60.0, "min": 1.0, "h": 1 / 60}
_MOST_PER_MINUTE = 100_000.0
_LONGEST_H = 24.0 * 30


def read_rate(text: str) -> float:
    """Sales a minute from `10000/min`, `50/s`, `200/h` or a bare number."""
    found = _RATE.fullmatch(text)
    per_minute = float(found[1]) * _PER_MINUTE[found[2]] if found else 0.0
    if not 0 < per_minute <= _MOST_PER_MINUTE:
        raise ArgumentTypeError(f"a rate such as 10000/min, 50/s or 200/h is needed, at most {_MOST_PER_MINUTE:g}/min")
    return per_minute


def read_hours(text: str) -> float:
    hours = float(text)
    if not 0 < hours <= _LONGEST_H:
        raise ArgumentTypeError(f"more than 0 hours are needed, and at most {_LONGEST_H:g}")
    return hours


class Command(BaseCommand):
    """`rehearse_outage --hours 6 --rate 10000/min`: the same seed gives the same trace."""

    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--hours", type=read_hours, default=6.0, help="length of the outage")
        parser.add_argument("--rate", type=read_rate, default=10_000.0, help="sales: 10000/min, 50/s, 200/h")
        parser.add_argument("--fault", type=Trouble, choices=list(Trouble), default=Trouble.DOWN)
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--destinations", type=int, choices=range(1, 1001), default=20, metavar="1..1000")
        parser.add_argument("--event-ms", type=float, default=Workers().event_s * 1000, help="the hub's own time, each")
        parser.add_argument("--json", action="store_true", help="figures for programs")
        parser.add_argument("--svg", type=Path, help="write the picture to this file")

    def handle(self, **options: Any) -> None:
        report = rehearse(_plan(**options))
        if options["svg"]:
            options["svg"].write_text(draw_picture(report) + "\n")
        if options["json"]:
            self.stdout.write(json.dumps(report.figures(), indent=1))
        else:
            self.stdout.write("\n".join([*describe(report), *plot(report)]))
        if is_broken(report):
            raise SystemExit(1)


def _plan(
    *, hours: float, rate: float, fault: Trouble, seed: int, destinations: int, event_ms: float, **_others: Any
) -> Plan:
    return Plan(
        outage_s=hours * HOUR,
        per_minute=rate,
        trouble=fault,
        seed=seed,
        destinations=destinations,
        limits=PLATFORMS["meta"].limits,
        workers=Workers(event_s=event_ms / 1000),
    )


def is_broken(report: Report) -> bool:
    """Whether a promise was: a sale without an end, or one that was counted twice."""
    return report.lost != 0 or report.accepted_twice != 0
