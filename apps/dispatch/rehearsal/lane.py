"""One destination's part of the outbox, in memory: sends that have the same past are one entry with a count. Pure.

Seconds count from the start of the rehearsal. All sends are purchases of equal value, so the one that was sold first
goes first: its deadline is the nearest.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush
from itertools import count

from apps.dispatch.fate import Tried, largest_company
from apps.dispatch.probing import LOOKED_AT, choose_probe


@dataclass(frozen=True, slots=True)
class Cohort:
    """`size` sends that nobody could tell apart. `taken_at` is when the platform took them; the hub cannot see that."""

    sold_at: float
    size: int
    tried: Tried = Tried()  # noqa: RUF009 - frozen
    attempts: int = 0
    first_attempt_at: float | None = None
    taken_at: float | None = None


class Lane:
    """What waits for one destination: due now, or later."""

    def __init__(self) -> None:
        self.waiting = 0
        self._ready: list[tuple[float, int, Cohort]] = []
        self._later: list[tuple[float, int, Cohort]] = []
        self._numbers = count()

    def put(self, cohort: Cohort, due_at: float, now: float) -> None:
        self.waiting += cohort.size
        entry = next(self._numbers)
        if due_at <= now:
            heappush(self._ready, (cohort.sold_at, entry, cohort))
        else:
            heappush(self._later, (due_at, entry, cohort))

    def due_at(self, now: float) -> float | None:
        """When the next send is due; None if nothing waits."""
        self._bring(now)
        if self._ready:
            return now
        return self._later[0][0] if self._later else None

    def has_due(self, now: float) -> bool:
        self._bring(now)
        return bool(self._ready)

    def claim(self, limit: int, top: int, now: float) -> list[Cohort]:
        """As many as fit with the one of them that failed most often, the oldest first."""
        self._bring(now)
        company: list[Cohort] = []
        size, room = 0, limit
        while self._ready:
            cohort = self._ready[0][2]
            room = min(room, largest_company(cohort.tried.failures, top))
            if size >= room:
                break
            company.append(self._take(min(cohort.size, room - size)))
            size += company[-1].size
        return company

    def claim_probe(self, now: float) -> list[Cohort]:
        """One send of the oldest hundred."""
        self._bring(now)
        seen: list[tuple[float, int, Cohort]] = []
        while self._ready and sum(entry[2].size for entry in seen) < LOOKED_AT:
            seen.append(heappop(self._ready))
        if not seen:
            return []
        least = choose_probe(seen, lambda entry: entry[2].attempts, lambda entry: entry[2].tried.is_unsure)
        seen.remove(least)
        for entry in seen:
            heappush(self._ready, entry)
        sold_at, number, cohort = least
        if cohort.size > 1:
            heappush(self._ready, (sold_at, number, replace(cohort, size=cohort.size - 1)))
        self.waiting -= 1
        return [replace(cohort, size=1)]

    def forgive(self, now: float) -> None:
        """What failed is due now, as if for the first time: the breaker has opened."""
        kept = [entry for entry in self._later if not entry[2].tried.failures]
        failed = [entry for entry in self._later if entry[2].tried.failures]
        self._later = kept
        heapify(self._later)
        for _due_at, number, cohort in failed:
            heappush(self._ready, (cohort.sold_at, number, _forgiven(cohort)))
        self._ready = [(sold_at, number, _forgiven(cohort)) for sold_at, number, cohort in self._ready]
        self._bring(now)

    def release(self) -> None:
        """Everything is due now: a person has mended what kept it."""
        for _due_at, number, cohort in self._later:
            heappush(self._ready, (cohort.sold_at, number, cohort))
        self._later = []

    def oldest(self) -> float | None:
        """When the oldest send that waits was sold."""
        sold = [self._ready[0][0]] if self._ready else []
        return min([*sold, *(cohort.sold_at for _due_at, _number, cohort in self._later)], default=None)

    def expire(self, sold_before: float) -> Iterator[Cohort]:
        """Take out what was sold before that."""
        while self._ready and self._ready[0][0] <= sold_before:
            yield self._take(self._ready[0][2].size)
        late = [entry for entry in self._later if entry[2].sold_at <= sold_before]
        if late:
            self._later = [entry for entry in self._later if entry[2].sold_at > sold_before]
            heapify(self._later)
        for _due_at, _number, cohort in late:
            self.waiting -= cohort.size
            yield cohort

    def _bring(self, now: float) -> None:
        while self._later and self._later[0][0] <= now:
            _due_at, number, cohort = heappop(self._later)
            heappush(self._ready, (cohort.sold_at, number, cohort))

    def _take(self, size: int) -> Cohort:
        """From the oldest entry."""
        sold_at, number, cohort = self._ready[0]
        self.waiting -= size
        if size == cohort.size:
            heappop(self._ready)
            return cohort
        self._ready[0] = (sold_at, number, replace(cohort, size=cohort.size - size))
        return replace(cohort, size=size)


def _forgiven(cohort: Cohort) -> Cohort:
    if not cohort.tried.failures:
        return cohort
    return replace(cohort, tried=replace(cohort.tried, failures=0, strikes=0))
