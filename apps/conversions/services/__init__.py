"""Use-cases of deliveries and conversions: the only writers of both."""

from apps.conversions.services.matching import (
    MAX_MATCH_FAILURES,
    claim_for_matching,
    fail_matching,
    hasten_matching,
    look_again,
    next_look,
    postpone_matching,
    settle_matching,
)
from apps.conversions.services.notices import keep_comparisons, note_drift
from apps.conversions.services.quarantine import (
    UnreadableDelivery,
    await_confirmation,
    claim_quarantined,
    claim_unconfirmed,
    hold_unconfirmed,
    keep_quarantined,
    postpone_confirmation,
    quarantine_delivery,
    read_again,
    read_alike_again,
    request_replay,
    select_alike,
    settle_replay,
)
from apps.conversions.services.record import NewDelivery, OrderKey, record_deliveries

__all__ = [
    "MAX_MATCH_FAILURES",
    "NewDelivery",
    "OrderKey",
    "UnreadableDelivery",
    "await_confirmation",
    "claim_for_matching",
    "claim_quarantined",
    "claim_unconfirmed",
    "fail_matching",
    "hasten_matching",
    "hold_unconfirmed",
    "keep_comparisons",
    "keep_quarantined",
    "look_again",
    "next_look",
    "note_drift",
    "postpone_confirmation",
    "postpone_matching",
    "quarantine_delivery",
    "read_again",
    "read_alike_again",
    "record_deliveries",
    "request_replay",
    "select_alike",
    "settle_matching",
    "settle_replay",
]
