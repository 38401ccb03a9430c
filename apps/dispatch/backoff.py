"""How long an event waits after failures of its own, and until when trying makes sense.

The first five waits add up to half a minute and ride out a hiccup. The later ones are for what lasts longer:
ever rarer, but they go on until the deadline, because a late sale still counts and a dropped one does not.
Waiting for a breaker or a token is no failure and does not come here.
"""

from datetime import datetime, timedelta

_WAITS = (
    *(timedelta(seconds=seconds) for seconds in (1, 2, 4, 8, 16)),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=3),
    timedelta(hours=6),
)
_SPREAD = 0.2


def next_delay(failures: int, *, jitter: float) -> timedelta:
    """The wait after a failure that had `failures` before it; `jitter` in [0, 1) moves it by up to 20 %."""
    wait = _WAITS[min(failures, len(_WAITS) - 1)]
    return wait * (1 - _SPREAD + 2 * _SPREAD * jitter)


def deadline(
    event_time: datetime, margin: timedelta = timedelta(hours=1), window: timedelta = timedelta(days=7)
) -> datetime:
    """The last moment to send: a platform refuses a whole request for one event older than `window`."""
    return event_time + window - margin
