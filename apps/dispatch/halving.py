"""How a refused request is taken apart until the guilty event stands alone. Pure."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

# One bad event among a thousand takes twenty requests. Where far more are bad, the rest comes back in smaller requests.
MOST_REQUESTS = 40


def halve(whole: Sequence[T], is_refused: Callable[[Sequence[T]], bool], most: int = MOST_REQUESTS) -> list[T]:
    """Try parts of `whole`, whose request was refused as a whole, until each was taken or stands alone.

    `is_refused` sends a part, settles it unless it must be taken apart, and says whether it must; a single event never
    must. What is left when `most` requests were made is returned, untried.
    """
    parts = deque(_split(whole))
    while parts and most > 0:
        part = parts.popleft()
        most -= 1
        if is_refused(part):
            parts.extendleft(reversed(_split(part)))
    return [item for part in parts for item in part]


def _split(part: Sequence[T]) -> list[Sequence[T]]:
    middle = len(part) // 2
    return [part[:middle], part[middle:]]
