"""`make chaos [ARGS="--sales 100000 --minutes 10 --seed 1 --only NAME"]`: exit 1 if anything was lost or doubled.

It runs beside a PostgreSQL and a Redis of its own (for the tests that the fault matrix names); the stack that is
killed has others, in a new data directory that is kept only if something is wrong.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hubtrack.settings")

import django

django.setup()

from tests.chaos import matrix, report  # noqa: E402 - needs Django set up
from tests.chaos.faults import NAMES  # noqa: E402
from tests.chaos.run import Plan, run  # noqa: E402


def main(arguments: list[str]) -> int:
    options = _parse(arguments)
    # As Ctrl-C does, so that nothing that was started outlives this.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    plan = Plan(options.sales, options.minutes, options.seed, options.only)
    data = Path(tempfile.mkdtemp(prefix="hubtrack-chaos-"))
    try:
        result = run(plan, data)
    except RuntimeError as error:
        print(f"FAILED: {error}\nThe data is kept in {data}.")
        return 1
    report.show(result)
    named = None if options.only or options.no_tests else matrix.run_tests()
    is_covered = matrix.show(result, named)
    if result.is_good and is_covered:
        shutil.rmtree(data)
        return 0
    print(f"\nFAILED. The data is kept in {data}.")
    return 1


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument("--sales", type=int, default=100_000)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="only the kills whose name holds this, and no bad weather")
    parser.add_argument("--no-tests", action="store_true", help="leave out the tests that the matrix names")
    options = parser.parse_args(arguments)
    if options.only and not any(options.only in name for name in NAMES):
        parser.error(f"no kill has {options.only!r} in its name: {', '.join(sorted(NAMES))}")
    return options


sys.exit(main(sys.argv[1:]))
