"""What a world consists of, as the hub would be told of it, and beside it the truth, which the hub is not told.

Times are aware UTC. E-mails and phones are as typed; whoever stores or compares them normalises them first.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tests.bench.truth.params import Params


class Origin(StrEnum):
    """What truly brought a sale: its buyer's own last ad click before the order was placed, or why there is none."""

    CLICK = "click"
    ORGANIC = "organic"
    OUTSIDE_WINDOW = "outside_window"
    UNRECORDED = "unrecorded"


class Trace(StrEnum):
    """A way in which what the hub is told of a sale leads to the true click.

    `SESSION_ID` is the session's own id or that of another click in it. `VISIT` leads over another visit: one that the
    sale is linked to by an id, e-mail or phone, and that shares its browser, e-mail or phone with the click's.
    `ADDRESS` is the buyer's address, where the gateway tells it.
    """

    CLICK_ID = "click_id"
    SESSION_ID = "session_id"
    EMAIL = "email"
    PHONE = "phone"
    FBC = "fbc"
    VISIT = "visit"
    ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class Visit:
    """A session. `email` and `phone` are what its browser last gave there, in this session or one before."""

    visit_id: str
    person: int
    started_at: datetime
    last_seen_at: datetime
    ip: str
    user_agent: str
    fbp: str
    email: str = ""
    phone: str = ""
    checkout_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Click:
    """An arrival from an ad; a machine's copy has the same `fbclid`."""

    click_id: str
    visit_id: str
    person: int
    clicked_at: datetime
    fbclid: str
    is_automated: bool = False

    @property
    def fbc(self) -> str:
        return f"fb.1.{int(self.clicked_at.timestamp() * 1000)}.{self.fbclid}"


@dataclass(frozen=True, slots=True)
class Sale:
    """A paid order. It was placed and paid at those times; the gateway's clock is wrong by `clock_error`.

    `pending_at` and `sold_at` are what it states; of an order with `is_pending_told` it tells before it is paid too.
    `carried` and `fbclid` are what came back through the gateway; `brought_by` is the true click's id or empty.
    """

    order_id: str
    person: int
    placed_at: datetime
    paid_at: datetime
    clock_error: timedelta
    is_pending_told: bool
    email: str
    phone: str
    buyer_ip: str
    carried: str
    fbclid: str
    origin: Origin
    brought_by: str
    traces: tuple[Trace, ...]

    @property
    def pending_at(self) -> datetime:
        return self.placed_at + self.clock_error

    @property
    def sold_at(self) -> datetime:
        return self.paid_at + self.clock_error

    @property
    def is_matchable(self) -> bool:
        """A recorded click within the window truly brought it, and something the hub is told leads there."""
        return self.origin is Origin.CLICK and bool(self.traces)


@dataclass(frozen=True, slots=True)
class World:
    """Everything of one seed, each list in order of time."""

    seed: int
    params: Params
    visits: tuple[Visit, ...]
    clicks: tuple[Click, ...]
    sales: tuple[Sale, ...]
