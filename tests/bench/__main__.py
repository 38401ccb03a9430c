"""`make bench [ARGS="identity tracking ..."]`: run and print benchmarks, on the database of DATABASE_URL.

Options follow the names and are for `truth`, the only one that has any: ARGS="truth --seeds 100-119 --vary".
"""

import os
import sys
from collections.abc import Callable
from functools import partial
from itertools import takewhile

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hubtrack.settings")

import django

django.setup()

from django.core.management import call_command  # noqa: E402 - needs Django set up

from tests.bench import batch, identity, script, tracking, verification, webhooks  # noqa: E402
from tests.bench.truth import run as truth  # noqa: E402

BENCHMARKS: dict[str, tuple[str, Callable[[], dict[str, float]]]] = {
    "batch": ("Batches of 1,000 events", batch.report),
    "identity": ("Identity hashing", identity.report),
    "script": ("The tracking script", script.report),
    "tracking": ("Clicks, page views and redirects", tracking.report),
    "truth": ("Matching against the truth", truth.report),
    "verification": ("Raw-body verification", verification.report),
    "webhooks": ("Webhook intake", webhooks.report),
}


def main(arguments: list[str]) -> None:
    chosen = list(takewhile(lambda argument: not argument.startswith("-"), arguments))
    options = arguments[len(chosen) :]
    if options and chosen != ["truth"]:
        sys.exit(f"Only truth takes options: {' '.join(options)}")
    call_command("migrate", verbosity=0)
    for name in chosen or BENCHMARKS:
        title, report = BENCHMARKS[name]
        if options:
            report = partial(truth.report, options)
        print(f"\n{title}")
        for label, figure in report().items():
            print(f"  {label:<38}{figure:>12,.2f}", flush=True)


main(sys.argv[1:])
