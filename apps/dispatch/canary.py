"""When a version of an API is to blame for what became of a request. Pure.

What a version on trial does not accept is asked of the one in use before it is believed. If that one accepts the very
events, the version on trial failed where the other did not, in the same minute and with the same token.
"""

from dataclasses import dataclass

from apps.dispatch.verdict import Outcome

_REFUSALS = frozenset(
    {*(Outcome.PERMANENT, Outcome.EXPIRED, Outcome.TOKEN, Outcome.PERMISSION), *(Outcome.VERSION, Outcome.UNKNOWN)}
)
_DOUBTED = _REFUSALS | {Outcome.TRANSIENT, Outcome.AMBIGUOUS}
# So many failures that are no refusals may befall any version in the requests that are looked back at.
_FEWEST = 3
_TIMES_WORSE = 2
LOOKED_BACK_AT = 200


@dataclass(frozen=True, slots=True)
class Tally:
    """Of the latest requests with one version: how many there were, and how many the platform failed."""

    requests: int
    failed: int


def is_doubted(outcome: Outcome, *, is_canary: bool) -> bool:
    """Whether to ask the other version. "Too many" is about the caller; a destination's own version is doubted only
    when the platform names it."""
    return outcome in _DOUBTED if is_canary else outcome is Outcome.VERSION


def is_proven_guilty(outcome: Outcome) -> bool:
    """A refusal of what the other version accepts needs no second one; a failure may be chance."""
    return outcome in _REFUSALS


def is_worse(canary: Tally, stable: Tally) -> bool:
    return canary.failed >= _FEWEST and canary.failed * stable.requests > _TIMES_WORSE * stable.failed * canary.requests
