"""What a run came to, for people."""

from collections.abc import Mapping
from decimal import Decimal

from tests.chaos.run import Result


def show(result: Result) -> None:
    told, judgement = result.told, result.judgement
    ordered = sorted(told.latencies) or [0.0]
    print("\nLoad")
    _row("orders", len(told.orders))
    _row("orders a second", len(told.orders) / max(told.seconds, 0.001))
    _row("webhooks acknowledged", told.messages)
    _row("webhooks sent again", sum(told.resent.values()), dict(told.resent))
    _row("clicks", told.clicks)
    _row("clicks given up after three tries", told.clicks_given_up)
    _row("answer p50 / p99 ms", 1000 * ordered[len(ordered) // 2], f"{1000 * ordered[int(len(ordered) * 0.99)]:.0f}")
    _row("seconds of load", told.seconds)
    _row("seconds until nothing waited", result.drained_s)
    print("\nFaults")
    _rows(result.done)
    for name, times in result.missed.items():
        _row(f"{name}: nothing there to be hit", times)
    _row("programs started again", sum(result.deaths.values()), dict(result.deaths))
    _row("requests to platforms", result.requests)
    _rows({f"platform: {name}": times for name, times in sorted(result.played.items())})
    print("\nJudgement, by the platforms' own records")
    _rows(judgement.figures)
    for currency, sums in sorted(judgement.money.items()):
        words = ", ".join(f"{name} {Decimal(cents) / 100:,.2f}" for name, cents in sums.items())
        print(f"  {currency}: {words}")
    for line in [*judgement.describe(), *result.ledger]:
        print(f"  WRONG  {line}")
    if result.is_good:
        print("  0 lost, 0 accepted twice, every sale in one bucket, money exact to the cent")


def _rows(figures: Mapping[str, int]) -> None:
    for name, figure in figures.items():
        _row(name, figure)


def _row(name: str, figure: float, more: object = "") -> None:
    shown = f"{figure:,.0f}" if figure == int(figure) else f"{figure:,.1f}"
    print(f"  {name:<48}{shown:>14}  {more or ''}")
