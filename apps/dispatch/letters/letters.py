"""A dead letter as it is shown: what it is worth, why it stands still, what came back last, what to do."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from apps.conversions.models import Conversion, Quarantine
from apps.dispatch.explanations import explain
from apps.dispatch.letters.filters import Queue
from apps.dispatch.letters.rows import MATCHING_FAILED
from apps.dispatch.models import Attempt, Send
from apps.funnels.models import Destination, Funnel

_ANSWER = ("send_id", "batch__outcome", "batch__code", "batch__subcode", "batch__http_status")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the platform said last; `outcome` is a word of verdict.Outcome."""

    outcome: str
    code: int | None
    subcode: int | None
    http_status: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """`id` names it in a replay; `key` is its row's. `value` is None where no money is known, or it is of a page.

    `since` is when it came to stand still. Only a send has an event id, a destination, a status and an answer.
    """

    queue: Queue
    id: str
    key: int
    order_id: str | None
    funnel: Funnel
    value: Decimal | None
    currency: str
    reason: str
    since: datetime
    attempts: int
    event_id: str | None = None
    event_name: str = ""
    destination: Destination | None = None
    status: str = ""
    answer: Answer | None = None

    @property
    def sentence(self) -> str:
        return explain(self.reason).sentence

    @property
    def next_step(self) -> str:
        return explain(self.reason).next_step


def describe(queue: Queue, rows: Sequence[Any]) -> list[Letter]:
    """Rows of rows.find_rows; one statement more for sends, none for the others."""
    if queue is not Queue.DISPATCH:
        return [_DESCRIBE[queue](row) for row in rows]
    answers = _find_answers([row.pk for row in rows])
    return [_of_send(row, answers.get(row.pk)) for row in rows]


def _find_answers(keys: Sequence[int]) -> dict[int, Answer]:
    """The last answer of each send; a request that nobody settled has none."""
    tries = Attempt.objects.filter(send__in=keys).exclude(batch__outcome="").order_by("send", "-number")
    last = tries.distinct("send").values_list(*_ANSWER)
    return {
        pk: Answer(outcome=outcome, code=code, subcode=subcode, http_status=status)
        for pk, outcome, code, subcode, status in last
    }


def _of_send(send: Send, answer: Answer | None) -> Letter:
    event = send.event
    order = event.conversion
    return Letter(
        queue=Queue.DISPATCH,
        id=event.event_id,
        key=send.pk,
        event_id=event.event_id,
        event_name=event.event_name,
        order_id=order.order_id if order else None,
        destination=send.destination,
        funnel=event.funnel,
        value=send.value if order and order.amount is not None else None,
        currency=order.currency if order else "",
        reason=send.reason,
        since=send.settled_at or send.changed_at,
        attempts=send.attempts,
        status=send.status,
        answer=answer,
    )


def _of_conversion(order: Conversion) -> Letter:
    return Letter(
        queue=Queue.MATCH,
        id=str(order.pk),
        key=order.pk,
        order_id=order.order_id,
        funnel=order.funnel,
        value=order.amount,
        currency=order.currency,
        reason=MATCHING_FAILED,
        since=order.changed_at,
        attempts=order.match_failures,
    )


def _of_quarantined(kept: Quarantine) -> Letter:
    return Letter(
        queue=Queue.INGEST,
        id=str(kept.pk),
        key=kept.pk,
        order_id=kept.delivery.order_id or None,
        funnel=kept.delivery.endpoint.funnel,
        value=None,
        currency="",
        reason=kept.delivery.outcome,
        since=kept.delivery.received_at,
        attempts=kept.attempts,
    )


_DESCRIBE: Mapping[Queue, Callable[[Any], Letter]] = {Queue.MATCH: _of_conversion, Queue.INGEST: _of_quarantined}
