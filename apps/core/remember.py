"""Answers remembered for moments, in one process: what many requests ask in the same second is asked once."""

import time
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """At most `size` answers, each for `seconds`; when full, it starts anew. Safe between threads."""

    def __init__(self, *, seconds: float, size: int = 4096) -> None:
        self._seconds = seconds
        self._size = size
        self._answers: dict[K, tuple[float, V]] = {}

    def recall(self, key: K) -> V | None:
        """The answer, if it is known and fresh."""
        known = self._answers.get(key)
        return known[1] if known and known[0] > time.monotonic() else None

    def keep(self, key: K, answer: V) -> V:
        if len(self._answers) >= self._size:
            self._answers.clear()
        self._answers[key] = (time.monotonic() + self._seconds, answer)
        return answer

    def forget(self) -> None:
        self._answers.clear()
