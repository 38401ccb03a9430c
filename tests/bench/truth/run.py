"""Worlds of several seeds, matched by the product and by two baselines, and the figures as printed."""

import argparse
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tests.bench.truth.baselines import match_by_email, match_by_id
from tests.bench.truth.facts import Origin, Sale, World
from tests.bench.truth.measure import Score, Share, Verdict, score
from tests.bench.truth.params import Params, variations
from tests.bench.truth.store import match_stored
from tests.bench.truth.world import make_world

PRODUCT = "the product's rules"
MATCHERS: dict[str, Callable[[World], list[Verdict]]] = {
    PRODUCT: match_stored,
    "explicit id only": match_by_id,
    "last click by e-mail": match_by_email,
}


@dataclass(slots=True)
class Results:
    """All seeds' sales with each matcher's verdicts on them, in the same order."""

    sales: list[Sale] = field(default_factory=list)
    verdicts: dict[str, list[Verdict]] = field(default_factory=lambda: {name: [] for name in MATCHERS})
    by_seed: list[Score] = field(default_factory=list)


def report(options: Sequence[str] = ()) -> dict[str, float]:
    """Print the tables; the product's figures in per cent, as every benchmark gives its own."""
    chosen = _parse(options)
    params = Params(sales=chosen.sales)
    results = measure(chosen.seeds, params)
    scores = {name: score(verdicts) for name, verdicts in results.verdicts.items()}
    ours = scores[PRODUCT]
    for lines in (_sales_lines(results), _matcher_lines(scores), _seed_lines(results), _rule_lines(ours)):
        _print(lines)
    for lines in (_bin_lines(ours), _missed_lines(results)):
        _print(lines)
    if chosen.vary:
        _print(_variation_lines(chosen.seeds, params, ours))
    return {
        "sales": float(len(results.sales)),
        "match rate of the matchable, %": 100 * ours.matched.value,
        "precision of automatic matches, %": 100 * ours.precision.value,
        "calibration error, %": 100 * ours.calibration_error,
    }


def _parse(options: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="truth")
    parser.add_argument("--seeds", type=parse_seeds, default="0-1", help="as 100-119, or one number")
    parser.add_argument("--sales", type=int, default=Params().sales, help="first purchases in each world")
    parser.add_argument("--vary", action="store_true", help="again without each difficulty: what costs how much")
    return parser.parse_args(options)


def parse_seeds(text: str) -> range:
    """`100-119` or `7`; raises ValueError for anything else."""
    first, dash, last = text.partition("-")
    seeds = range(int(first), int(last if dash else first) + 1)
    if not seeds:
        raise ValueError("the last seed comes before the first")
    return seeds


def measure(seeds: Iterable[int], params: Params) -> Results:
    results = Results()
    for seed in seeds:
        world = make_world(seed, params)
        results.sales.extend(world.sales)
        for name, match in MATCHERS.items():
            verdicts = match(world)
            results.verdicts[name].extend(verdicts)
            if name == PRODUCT:
                results.by_seed.append(score(verdicts))
    return results


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(f"  {line}", flush=True)
    print()


def _percent(share: Share) -> str:
    return f"{100 * share.value:.1f}"


def _bounded(share: Share) -> str:
    low, high = share.interval()
    return f"{_percent(share)} ({100 * low:.1f} to {100 * high:.1f}; n={share.of:,})"


def _sales_lines(results: Results) -> Iterator[str]:
    sales = results.sales
    matchable = sum(sale.is_matchable for sale in sales)
    yield f"{len(sales):,} sales, {matchable:,} of them matchable; the others:"
    for origin in (Origin.ORGANIC, Origin.OUTSIDE_WINDOW, Origin.UNRECORDED):
        yield f"  {origin:<38}{sum(sale.origin is origin for sale in sales):>10,}"
    traceless = sum(sale.origin is Origin.CLICK and not sale.traces for sale in sales)
    yield f"  {'a click, but nothing leads to it':<38}{traceless:>10,}"


def _matcher_lines(scores: dict[str, Score]) -> Iterator[str]:
    heads = f"{'rightly':>9}{'matched: right':>42}{'buyer':>7}{'unmatchable':>13}{'ECE':>8}"
    yield f"{'% of':<24}{'matchable: matched':>20}{heads}"
    for name, item in scores.items():
        yield (
            f"{name:<24}{_percent(item.matched):>20}{_percent(item.recall):>9}{_bounded(item.precision):>42}"
            f"{_percent(item.own):>7}{_percent(item.unmatchable_matched):>13}{item.calibration_error:>8.3f}"
        )


def _seed_lines(results: Results) -> Iterator[str]:
    columns = {
        "match rate": [100 * item.matched.value for item in results.by_seed],
        "precision": [100 * item.precision.value for item in results.by_seed],
        "calibration error": [item.calibration_error for item in results.by_seed],
    }
    yield "worst to best seed"
    for name, figures in columns.items():
        digits = 3 if max(figures) < 1 else 1
        yield f"  {name:<38}{min(figures):>10.{digits}f} to {max(figures):.{digits}f}"


def _rule_lines(ours: Score) -> Iterator[str]:
    yield f"{'rule':<24}{'precision %':>42}{'recall of the matchable %':>28}"
    for item in ours.rules:
        yield f"{item.rule:<24}{_bounded(item.precision):>42}{_percent(item.recall):>28}"


def _bin_lines(ours: Score) -> Iterator[str]:
    yield f"{'confidence':<24}{'claimed %':>12}{'right %':>42}"
    for item in ours.bins:
        yield f"{f'{item.low:.1f} to {item.high:.1f}':<24}{100 * item.claimed:>12.1f}{_bounded(item.right):>42}"


def _missed_lines(results: Results) -> Iterator[str]:
    """Matchable sales that got no match or a wrong one, by all that would have led to the right click."""
    rows = list(zip(results.sales, results.verdicts[PRODUCT], strict=True))
    missed = Counter(
        (", ".join(sale.traces), "wrong" if found.is_matched else "none")
        for sale, found in rows
        if sale.is_matchable and not (found.is_matched and found.is_right)
    )
    yield f"{'matchable, not found; what leads there':<58}{'no match':>10}{'wrong':>8}"
    for traces in sorted({traces for traces, _ in missed}, key=lambda name: (-missed[name, "none"], name)):
        yield f"  {traces:<56}{missed[traces, 'none']:>10,}{missed[traces, 'wrong']:>8,}"


def _variation_lines(seeds: Iterable[int], params: Params, ours: Score) -> Iterator[str]:
    """What would be gained, in points, if one difficulty after the other did not exist."""
    yield f"{'without':<24}{'match rate':>12}{'recall':>9}{'precision':>11}{'calibration':>13}"
    for name, changed in variations(params):
        item = score(found for seed in seeds for found in match_stored(make_world(seed, changed)))
        gains = [
            100 * (now.value - was.value)
            for now, was in (
                (item.matched, ours.matched),
                (item.recall, ours.recall),
                (item.precision, ours.precision),
            )
        ]
        calibrated = item.calibration_error - ours.calibration_error
        yield f"{name:<24}{gains[0]:>+12.1f}{gains[1]:>+9.1f}{gains[2]:>+11.1f}{calibrated:>+13.3f}"
