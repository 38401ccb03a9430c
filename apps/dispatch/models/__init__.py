"""The outbox, what decides when it drains, and the work beside it."""

from apps.dispatch.models.breakers import Breaker, BreakerChange, Circuit, PlatformBreaker
from apps.dispatch.models.outbox import (
    LIVE_STATUSES,
    WAITING_STATUSES,
    Attempt,
    Batch,
    CapiEvent,
    Rank,
    Send,
    SendStatus,
)
from apps.dispatch.models.work import Replay, TokenCheck

__all__ = [
    "LIVE_STATUSES",
    "WAITING_STATUSES",
    "Attempt",
    "Batch",
    "Breaker",
    "BreakerChange",
    "CapiEvent",
    "Circuit",
    "PlatformBreaker",
    "Rank",
    "Replay",
    "Send",
    "SendStatus",
    "TokenCheck",
]
