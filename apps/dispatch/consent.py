"""May this person's sale be told to an ad platform? Asked as of the event, and again at each send.

Consent is the last that the buyer said by then: True, False, or None where nobody asked. Only for None does the
funnel's own setting decide; a person's no is final. A no as of the event stops the event even after a later yes, until
somebody replays it; silence as of the event does not.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

UnknownConsent = Literal["send", "block"]
# The reason of a send that was stopped on its way; one that never set out has "consent".
WITHDRAWN = "consent_withdrawn"
# Gateways tell the time of a sale to the minute at best, and by clocks of their own.
_GATEWAY_CLOCK = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Word:
    """What a buyer last said of ads, by which means and when; all None for one who never said anything."""

    answer: bool | None = None
    source: str | None = None
    at: datetime | None = None


SILENCE = Word()


class ConsentReason(StrEnum):
    """Why a sale may or may not be sent, in stable words."""

    GRANTED = "granted"
    DENIED = "denied"
    UNKNOWN_SENT = "unknown_sent"
    UNKNOWN_BLOCKED = "unknown_blocked"


_FOR_ANSWER = {True: ConsentReason.GRANTED, False: ConsentReason.DENIED}
_FOR_SILENCE: dict[UnknownConsent, ConsentReason] = {
    "send": ConsentReason.UNKNOWN_SENT,
    "block": ConsentReason.UNKNOWN_BLOCKED,
}
PERMITTED = frozenset({ConsentReason.GRANTED, ConsentReason.UNKNOWN_SENT})


def find_consent_reason(consent_ads: bool | None, unknown_consent: UnknownConsent) -> ConsentReason:
    return _FOR_SILENCE[unknown_consent] if consent_ads is None else _FOR_ANSWER[consent_ads]


def may_send(consent_ads: bool | None, unknown_consent: UnknownConsent) -> bool:
    return find_consent_reason(consent_ads, unknown_consent) in PERMITTED


def reason_to_set_out(then: Word, now: Word, unknown_consent: UnknownConsent) -> ConsentReason:
    """Why a new event may or may not be sent, by the word as of the event and the word of now."""
    return ConsentReason.DENIED if then.answer is False else find_consent_reason(now.answer, unknown_consent)


def moment_of_event(event_time: datetime, heard_at: datetime, planned_at: datetime) -> datetime:
    """Until when a word counts as given by the time of the event.

    A gateway's minute is allowed for, but what was said after the hub had heard of the event came later. `heard_at` is
    when the order was first heard of; a later stage of it is known no better than by when its event was planned.
    """
    known_at = heard_at if heard_at >= event_time else max(event_time, planned_at)
    return min(event_time + _GATEWAY_CLOCK, known_at)
