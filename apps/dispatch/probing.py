"""Which event probes an open breaker. Pure."""

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

LOOKED_AT = 100
"""How many of those that are due it is chosen from."""
_FEW = 5


def choose_probe(due: Sequence[T], attempts: Callable[[T], int], is_unsure: Callable[[T], bool]) -> T:
    """The one that was tried least, so that no single event keeps a breaker open.

    Where answers are lost, each that is tried may have arrived, and after two days of that nobody dares to send it
    again. So once a few are in doubt, only these probe.
    """
    unsure = [one for one in due if is_unsure(one)]
    return min(unsure if len(unsure) >= _FEW else due, key=attempts)
