"""`make bench [ARGS="identity tracking ..."]`: run and print benchmarks, on the database of DATABASE_URL.

Options follow the name, of the two that have any: ARGS="truth --seeds 100-119 --vary" and
ARGS="matching --clicks 10000000".
"""

import os
import sys
from collections.abc import Callable
from itertools import takewhile

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hubtrack.settings")

import django

django.setup()

from django.core.management import call_command  # noqa: E402 - needs Django set up

from tests.bench import (  # noqa: E402
    batch,
    comparison,
    crowds,
    dispatch,
    flow,
    identity,
    isolation,
    matching,
    script,
    tracking,
    verification,
    webhooks,
)
from tests.bench.truth import run as truth  # noqa: E402

BENCHMARKS: dict[str, tuple[str, Callable[[], dict[str, float]]]] = {
    "batch": ("Batches of 1,000 events", batch.report),
    "comparison": ("Drafts over past sales", comparison.report),
    "crowds": ("Matching in crowds", crowds.report),
    "dispatch": ("Dispatch end to end", dispatch.report),
    "flow": ("The whole flow", flow.report),
    "identity": ("Identity hashing", identity.report),
    "isolation": ("One destination in trouble", isolation.report),
    "matching": ("Matching at scale", matching.report),
    "script": ("The tracking script", script.report),
    "tracking": ("Clicks, page views and redirects", tracking.report),
    "truth": ("Matching against the truth", truth.report),
    "verification": ("Raw-body verification", verification.report),
    "webhooks": ("Webhook intake", webhooks.report),
}
OPTIONS: dict[str, Callable[[list[str]], dict[str, float]]] = {"matching": matching.report, "truth": truth.report}


def main(arguments: list[str]) -> None:
    chosen = list(takewhile(lambda argument: not argument.startswith("-"), arguments))
    options = arguments[len(chosen) :]
    if options and chosen not in ([name] for name in OPTIONS):
        sys.exit(f"Only {' and '.join(OPTIONS)} take options, one at a time: {' '.join(options)}")
    call_command("migrate", verbosity=0)
    for name in chosen or BENCHMARKS:
        title, report = BENCHMARKS[name]
        print(f"\n{title}")
        for label, figure in (OPTIONS[name](options) if options else report()).items():
            print(f"  {label:<38}{figure:>12,.2f}", flush=True)


main(sys.argv[1:])
