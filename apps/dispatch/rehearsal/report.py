"""What a rehearsal came to, and how it reads in a terminal. Pure; times in seconds."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from apps.dispatch.rehearsal.plan import Plan

BIN_S = 10.0
_MINUTE = 60.0


@dataclass(slots=True)
class Course:
    """How it went, in bins of `BIN_S`: requests and events sent in each, and the largest backlog."""

    requests: Counter[int] = field(default_factory=Counter)
    events: Counter[int] = field(default_factory=Counter)
    backlog: dict[int, int] = field(default_factory=dict)

    def note_request(self, at: float, events: int) -> None:
        self.requests[int(at // BIN_S)] += 1
        self.events[int(at // BIN_S)] += events

    def note_backlog(self, at: float, backlog: int) -> None:
        place = int(at // BIN_S)
        self.backlog[place] = max(self.backlog.get(place, 0), backlog)

    def busiest(self, counted: Mapping[int, int], start: float, end: float) -> float:
        """The most a minute in any bin between these moments."""
        return max((n for place, n in counted.items() if start <= place * BIN_S < end), default=0) * _MINUTE / BIN_S

    def usual(self, counted: Mapping[int, int], start: float, end: float) -> float:
        """A minute on average between these moments."""
        total = sum(n for place, n in counted.items() if start <= place * BIN_S < end)
        return total * _MINUTE / max(end - start, BIN_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Rates are a minute. `strikes` are failures that were held against an event; an outage has none.

    `caught_up_s` runs from the platform's recovery until no more waits than did before the outage; None if that never
    came. `trace` is the same for the same plan and seed.
    """

    plan: Plan
    sold: int
    accepted: int
    accepted_twice: int
    copies_dropped: int
    dead: Mapping[str, int]
    expired: Mapping[str, int]
    strikes: int
    most_attempts: int
    requests: int
    requests_in_outage: int
    quiet_rate: float
    peak_rate: float
    quiet_events: float
    peak_events: float
    first_minute: int
    peak_backlog: int
    caught_up_s: float | None
    trace: str
    course: Course = field(repr=False)

    @property
    def lost(self) -> int:
        """Sales without any end: there must be none."""
        ended = self.accepted + sum(self.dead.values()) + sum(self.expired.values())
        return self.sold - ended

    @property
    def peak_ratio(self) -> float:
        return self.peak_rate / self.quiet_rate if self.quiet_rate else 0.0

    def figures(self) -> dict[str, object]:
        """JSON-ready, without the course."""
        names = [name for name in self.__dataclass_fields__ if name not in ("plan", "course")]
        plan = {
            **{name: value for name, value in asdict(self.plan).items() if name not in ("limits", "workers", "host")},
        }
        return {
            "plan": plan,
            **{name: getattr(self, name) for name in names},
            "lost": self.lost,
            "peak_ratio": round(self.peak_ratio, 2),
        }


def describe(report: Report) -> list[str]:
    """Lines for a terminal."""
    plan = report.plan
    caught_up = "never" if report.caught_up_s is None else _duration(report.caught_up_s)
    rows: Sequence[tuple[str, str]] = (
        ("outage", f"{_duration(plan.outage_s)} of {plan.trouble}, {plan.destinations} destinations, seed {plan.seed}"),
        ("sold", f"{report.sold:,}"),
        ("accepted", f"{report.accepted:,}, of them twice {report.accepted_twice:,}"),
        ("dead", _reasons(report.dead)),
        ("expired", _reasons(report.expired)),
        ("lost", f"{report.lost:,}"),
        ("peak backlog", f"{report.peak_backlog:,}"),
        ("caught up after", caught_up),
        ("requests in the outage", f"{report.requests_in_outage:,}"),
        ("requests a minute", f"{report.quiet_rate:,.0f} before, {report.peak_rate:,.0f} at most after the recovery"),
        ("", f"ratio {report.peak_ratio:.2f}; {report.first_minute:,} in the first minute"),
        ("events a minute", f"{report.quiet_events:,.0f} before, {report.peak_events:,.0f} at most after"),
        ("strikes", f"{report.strikes:,}; most attempts of one event {report.most_attempts:,}"),
        ("copies dropped", f"{report.copies_dropped:,}"),
        ("trace", report.trace),
    )
    return [f"{name:<24}{text}" for name, text in rows]


def _reasons(counted: Mapping[str, int]) -> str:
    named = ", ".join(f"{reason} {number:,}" for reason, number in sorted(counted.items()))
    return f"{sum(counted.values()):,}" + (f" ({named})" if named else "")


def _duration(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    minutes, rest = divmod(rest, 60)
    return f"{hours} h {minutes:02} min {rest:02} s"
