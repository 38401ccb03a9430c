"""Signal quality: from counts to shares, grades and causes. Pure.

The bars are this hub's own judgement of what a well-built funnel reaches; no ad platform publishes any. What each
signal is worth, and why a bar differs from stage to stage, is in docs/signal-quality.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

# Below this a share says more about chance than about the funnel.
MIN_SAMPLE = 10


class Stage(StrEnum):
    """The steps from ad to sale, in their order."""

    CLICKS = "clicks"
    CHECKOUTS = "checkouts"
    SALES = "sales"


class Signal(StrEnum):
    """What lets a platform find the person, or the hub find the click. `fbc` is what would be sent, cookie or built."""

    FBCLID = "fbclid"
    FBC = "fbc"
    FBP = "fbp"
    IP = "ip"
    USER_AGENT = "user_agent"
    EMAIL = "email"
    PHONE = "phone"
    CLICK_ID = "click_id"


class Worth(StrEnum):
    """How much a signal helps; a rank, since the platforms publish no weights."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Grade(StrEnum):
    """Where a share stands; `ungraded` where nobody can expect the signal yet, as an e-mail at the click."""

    GOOD = "good"
    FAIR = "fair"
    POOR = "poor"
    TOO_FEW = "too_few"
    UNGRADED = "ungraded"


class Cause(StrEnum):
    """Why signals are missing or useless, as far as the stored rows can prove it."""

    REDIRECT_STRIPS_FBCLID = "redirect_strips_fbclid"
    CASE_MANGLED_FBCLID = "case_mangled_fbclid"
    MALFORMED_COOKIE = "malformed_cookie"
    WRONG_COOKIE_DOMAIN = "wrong_cookie_domain"
    CHANGING_FBP = "changing_fbp"
    PIXEL_MISSING = "pixel_missing"
    SCRIPT_MISSING = "script_missing"
    OLD_FBC = "old_fbc"
    PHONE_WITHOUT_COUNTRY_CODE = "phone_without_country_code"


WORTH: Mapping[Signal, Worth] = {
    Signal.FBCLID: Worth.HIGH,
    Signal.FBC: Worth.HIGH,
    Signal.FBP: Worth.MEDIUM,
    Signal.IP: Worth.LOW,
    Signal.USER_AGENT: Worth.LOW,
    Signal.EMAIL: Worth.HIGH,
    Signal.PHONE: Worth.MEDIUM,
    Signal.CLICK_ID: Worth.HIGH,
}
# The lowest share that is good, and the lowest that is fair.
BARS: Mapping[Stage, Mapping[Signal, tuple[float, float]]] = {
    Stage.CLICKS: {
        Signal.FBCLID: (0.8, 0.5),
        Signal.FBC: (0.8, 0.5),
        Signal.FBP: (0.8, 0.5),
        Signal.IP: (0.98, 0.9),
        Signal.USER_AGENT: (0.98, 0.9),
    },
    Stage.CHECKOUTS: {
        Signal.FBCLID: (0.7, 0.4),
        Signal.FBC: (0.7, 0.4),
        Signal.FBP: (0.7, 0.4),
        Signal.IP: (0.9, 0.7),
        Signal.USER_AGENT: (0.9, 0.7),
        Signal.EMAIL: (0.5, 0.2),
        Signal.PHONE: (0.5, 0.2),
        Signal.CLICK_ID: (0.8, 0.5),
    },
    Stage.SALES: {
        Signal.FBCLID: (0.6, 0.3),
        Signal.FBC: (0.6, 0.3),
        Signal.FBP: (0.6, 0.3),
        Signal.IP: (0.8, 0.5),
        Signal.USER_AGENT: (0.8, 0.5),
        Signal.EMAIL: (0.98, 0.9),
        Signal.PHONE: (0.8, 0.5),
        Signal.CLICK_ID: (0.8, 0.5),
    },
}


@dataclass(frozen=True, slots=True)
class Tally:
    """How many have a signal, of those that could: a click from TikTok could not have an fbclid."""

    having: int = 0
    of: int = 0

    @property
    def share(self) -> float | None:
        """From 0 to 1; None when there was nothing to look at."""
        return self.having / self.of if self.of else None


@dataclass(frozen=True, slots=True)
class Found:
    """How often a cause was seen, and the id of one case: a click id, or for sales an order id."""

    count: int
    example: str


@dataclass(frozen=True, slots=True)
class Counts:
    """One stage in one period; `found` only of the period that is reported."""

    total: int = 0
    tallies: Mapping[Signal, Tally] = field(default_factory=dict)
    found: Mapping[Cause, Found] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SignalQuality:
    """One signal at one stage. Shares from 0 to 1; `change` is the difference of shares, None without both."""

    signal: Signal
    having: int
    of: int
    share: float | None
    share_before: float | None
    change: float | None
    grade: Grade
    worth: Worth


@dataclass(frozen=True, slots=True)
class StageQuality:
    """One stage; `signals` is empty when there was nothing to look at."""

    stage: Stage
    total: int
    total_before: int
    signals: tuple[SignalQuality, ...]


@dataclass(frozen=True, slots=True)
class CauseFound:
    """A cause and how many of its stage it spoils."""

    cause: Cause
    stage: Stage
    count: int
    of: int
    example: str


@dataclass(frozen=True, slots=True)
class Quality:
    """All three stages, and the causes, the one that spoils the largest share first."""

    stages: tuple[StageQuality, ...]
    causes: tuple[CauseFound, ...]


def assess(now: Mapping[Stage, Counts], before: Mapping[Stage, Counts]) -> Quality:
    """A stage that is absent from a period counts as empty."""
    nothing = Counts()
    return Quality(
        stages=tuple(_assess_stage(stage, now.get(stage, nothing), before.get(stage, nothing)) for stage in Stage),
        causes=_rank_causes(now),
    )


def grade_of(stage: Stage, signal: Signal, tally: Tally) -> Grade:
    bars = BARS[stage].get(signal)
    if bars is None:
        return Grade.UNGRADED
    if tally.share is None or tally.of < MIN_SAMPLE:
        return Grade.TOO_FEW
    good, fair = bars
    if tally.share >= good:
        return Grade.GOOD
    return Grade.FAIR if tally.share >= fair else Grade.POOR


def _assess_stage(stage: Stage, now: Counts, before: Counts) -> StageQuality:
    """A signal that nothing of this stage could have is left out."""
    signals = tuple(
        _assess_signal(stage, signal, now.tallies[signal], before.tallies.get(signal, Tally()))
        for signal in Signal
        if now.tallies.get(signal, Tally()).of
    )
    return StageQuality(stage, now.total, before.total, signals)


def _assess_signal(stage: Stage, signal: Signal, now: Tally, before: Tally) -> SignalQuality:
    share, share_before = now.share, before.share
    return SignalQuality(
        signal=signal,
        having=now.having,
        of=now.of,
        share=_rounded(share),
        share_before=_rounded(share_before),
        change=None if share is None or share_before is None else _rounded(share - share_before),
        grade=grade_of(stage, signal, now),
        worth=WORTH[signal],
    )


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)


def _rank_causes(now: Mapping[Stage, Counts]) -> tuple[CauseFound, ...]:
    """Without any click, a sale without a click id says nothing about the script: nobody came from an ad."""
    has_clicks = bool(now.get(Stage.CLICKS, Counts()).total)
    causes = [
        CauseFound(cause, stage, found.count, counts.total, found.example)
        for stage, counts in now.items()
        for cause, found in counts.found.items()
        if found.count and (has_clicks or cause is not Cause.SCRIPT_MISSING)
    ]
    return tuple(sorted(causes, key=lambda item: (-item.count / item.of, item.cause)))
