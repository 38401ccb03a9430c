"""Group commit: requests that wait together share one transaction.

Whoever finds nobody writing becomes the leader: it writes all that waits with one call, answers the others of its
batch, and appoints the next leader among those that came meanwhile. Alone, a request pays for nothing; together, the
database commits once for dozens. `submit` returns only after the write of its batch returned, so what is answered is
durable.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")


class NotWrittenError(Exception):
    """The leader was stopped before its write returned: whether the item was stored is unknown."""


class _Ticket(Generic[Item]):
    """One caller's item, not written until shown otherwise.

    `turn` is held until the caller must act: its item is settled, or it is to lead.
    """

    __slots__ = ("error", "is_settled", "item", "turn")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.error: Exception | None = NotWrittenError()
        self.is_settled = False
        self.turn = threading.Lock()
        self.turn.acquire()


class GroupCommit(Generic[Item]):
    """`write` stores a batch in one transaction, or raises and stores nothing.

    An error of `outage` says that the store is out of reach: the whole batch gets it at once, for trying each item
    would make all of them wait as often. After any other, each item is written alone, so one bad item fails only its
    own caller.
    """

    def __init__(
        self,
        write: Callable[[Sequence[Item]], None],
        *,
        outage: tuple[type[Exception], ...] = (),
        max_batch: int = 64,
    ) -> None:
        self._write = write
        self._outage = outage
        self._max_batch = max_batch
        self._waiting: list[_Ticket[Item]] = []
        self._has_leader = False
        self._guard = threading.Lock()

    def submit(self, item: Item) -> None:
        """Store `item`; raises what storing it raised, or NotWrittenError."""
        ticket = _Ticket(item)
        with self._guard:
            self._waiting.append(ticket)
            leads, self._has_leader = not self._has_leader, True
        if not leads:
            ticket.turn.acquire()
        if not ticket.is_settled:
            self._lead()
        if ticket.error:
            raise ticket.error

    def _lead(self) -> None:
        """Write the oldest tickets, the leader's own among them, and hand over."""
        with self._guard:
            batch, self._waiting = self._waiting[: self._max_batch], self._waiting[self._max_batch :]
        try:
            self._write_batch(batch)
        finally:
            with self._guard:
                successor = self._waiting[0] if self._waiting else None
                self._has_leader = successor is not None
            for ticket in batch:
                ticket.is_settled = True
                ticket.turn.release()
            if successor:
                successor.turn.release()

    def _write_batch(self, batch: list[_Ticket[Item]]) -> None:
        failure: Exception | None = None
        try:
            self._write([ticket.item for ticket in batch])
        except Exception as error:  # noqa: BLE001 - every waiting caller must learn of whatever went wrong
            failure = error
        if failure and len(batch) > 1 and not isinstance(failure, self._outage):
            for ticket in batch:
                self._write_batch([ticket])
            return
        for ticket in batch:
            ticket.error = failure
