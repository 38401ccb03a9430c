"""What stands in the way of sending a dead letter again: consent, its deadline, or that it may have arrived."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from django.db.models import Model

from apps.dispatch.consent import PERMITTED, ConsentReason, find_consent_reason
from apps.dispatch.models import Send
from apps.dispatch.registry import PLATFORMS
from apps.dispatch.subjects import find_questions
from apps.dispatch.words import find_words
from apps.funnels.selectors import published_configs


class Obstacle(StrEnum):
    """Why a dead letter is left alone, in stable words."""

    REFUSED = "consent_denied"
    UNASKED = "consent_unknown"
    TOO_LATE = "too_late"
    UNSURE = "unknown_outcome"  # only this one can be overruled
    MOVED_ON = "moved_on"  # somebody else had it sent, or it was decided otherwise, before its turn came


def find_obstacles(rows: Sequence[Model], now: datetime) -> dict[int, Obstacle]:
    """By key, of those sends that must not be sent again; a constant number of statements. Other rows have none."""
    sends = [row for row in rows if isinstance(row, Send)]
    if not sends:
        return {}
    events = [send.event for send in sends]
    questions = find_questions(events)
    words = find_words(questions)
    configs = published_configs({event.funnel_id for event in events})
    found: dict[int, Obstacle] = {}
    for send, question in zip(sends, questions, strict=True):
        consent = find_consent_reason(words[question].answer, configs[send.event.funnel_id].unknown_consent)
        if obstacle := _find(send, consent, now):
            found[send.pk] = obstacle
    return found


def _find(send: Send, consent: ConsentReason, now: datetime) -> Obstacle | None:
    if consent not in PERMITTED:
        return Obstacle.REFUSED if consent is ConsentReason.DENIED else Obstacle.UNASKED
    if send.deadline <= now:
        return Obstacle.TOO_LATE
    window = PLATFORMS[send.destination.platform].limits.resend_window
    is_late = send.first_attempt_at is not None and now - send.first_attempt_at > window
    return Obstacle.UNSURE if send.is_unsure and is_late else None
