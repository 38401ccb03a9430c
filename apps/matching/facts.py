"""What a decision is made from: everything that rules.decide looks at, and nothing that could not be shown. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from apps.matching.signals import Signal


class Model(StrEnum):
    """Which of a buyer's clicks counts."""

    LAST_CLICK = "last_click"
    FIRST_CLICK = "first_click"
    ANY_CLICK = "any_click"


@dataclass(frozen=True, slots=True)
class Policy:
    """A funnel's choices. Windows in days, thresholds from 0 to 1; what is unsure is reviewed, or used at once."""

    window_days: int = 7
    view_through_days: int = 0
    model: Model = Model.LAST_CLICK
    auto_threshold: float = 0.85
    review_threshold: float = 0.6
    uses_unsure: bool = False


@dataclass(frozen=True, slots=True)
class Sale:
    """`placed_at` is the earliest that is known of the order: whatever was clicked later did not bring it.

    `carries` an id of ours: "" none, "known", "unknown" (no click or session has it), "foreign" (another tenant's).
    """

    placed_at: datetime
    carries: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A click that shares something with the sale.

    `last_seen_at` is its visit's; `visit` and `browser` number what candidates and visits have in common, 0 is unknown;
    `crowd` is how many browsers were seen at its address.
    """

    click_pk: int
    click_id: str
    clicked_at: datetime
    last_seen_at: datetime
    signals: frozenset[Signal]
    visit: int = 0
    browser: int = 0
    crowd: int = 0

    @property
    def moment(self) -> tuple[datetime, str]:
        """Sorts clicks by time, and those of one instant always the same way."""
        return self.clicked_at, self.click_id


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit that the sale names, directly or through another, with or without a click of its own."""

    visit_pk: int
    visit: int
    visit_id: str
    first_seen_at: datetime
    last_seen_at: datetime
    signals: frozenset[Signal]
    browser: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known of one sale. `cut` names the look-ups that found more than they may give."""

    sale: Sale
    candidates: Sequence[Candidate] = ()
    visits: Sequence[Visit] = ()
    cut: tuple[str, ...] = ()
