"""May this person's sale be told to an ad platform? Asked at the moment of sending, never earlier.

Consent is what the click carried: True, False, or None where the page did not say. Only for None does the
funnel's own setting decide; a person's no is final.
"""

from enum import StrEnum
from typing import Literal

UnknownConsent = Literal["send", "block"]


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
_PERMITTED = frozenset({ConsentReason.GRANTED, ConsentReason.UNKNOWN_SENT})


def find_consent_reason(consent_ads: bool | None, unknown_consent: UnknownConsent) -> ConsentReason:
    return _FOR_SILENCE[unknown_consent] if consent_ads is None else _FOR_ANSWER[consent_ads]


def may_send(consent_ads: bool | None, unknown_consent: UnknownConsent) -> bool:
    return find_consent_reason(consent_ads, unknown_consent) in _PERMITTED
