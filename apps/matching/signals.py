"""What a click and a sale can have in common, what speaks against the two belonging together, and the rules' names."""

from dataclasses import dataclass
from enum import StrEnum


class Signal(StrEnum):
    """One observation about a candidate click.

    Those up to OTHER_IDENTITY are read from the stored facts; the rest follow from times and from the other candidates
    (scoring.py). A rival is another candidate that would count before this one if both were the buyer's.
    """

    CLICK_ID = "click_id"
    SESSION_ID = "session_id"
    EMAIL = "email"
    PHONE = "phone"
    FBC = "fbc"
    BROWSER = "browser"
    PERSON = "person"
    ADDRESS = "address"
    DEVICE = "device"
    OTHER_IDENTITY = "other_identity"

    SAME_VISIT = "same_visit"
    SAME_DAY = "same_day"
    SEEN_AGAIN = "seen_again"
    SEEN_AGAIN_HERE = "seen_again_here"
    AGE = "age"
    STALE_ID = "stale_id"
    CROWD = "crowd"
    OTHER_ID = "other_id"
    RIVAL = "rival"
    LINKED_RIVAL = "linked_rival"
    NEARBY_RIVAL = "nearby_rival"
    RIVAL_HERE = "rival_here"


class Tier(StrEnum):
    """What ties the click to the sale at all. Each tier weighs the same signals in its own way."""

    CARRIED = "carried"
    SHARED = "shared"
    LINKED = "linked"
    NEARBY = "nearby"


@dataclass(frozen=True, slots=True)
class Rule:
    """The signal by which a candidate is admitted, and the tier that weighs it."""

    name: str
    signal: Signal
    tier: Tier


RULES = (
    Rule("explicit_click_id", Signal.CLICK_ID, Tier.CARRIED),
    Rule("explicit_session_id", Signal.SESSION_ID, Tier.CARRIED),
    Rule("email_hash", Signal.EMAIL, Tier.SHARED),
    Rule("phone_hash", Signal.PHONE, Tier.SHARED),
    Rule("fbc_in_window", Signal.FBC, Tier.SHARED),
    Rule("same_browser", Signal.BROWSER, Tier.LINKED),
    Rule("same_person", Signal.PERSON, Tier.LINKED),
    Rule("ip_ua_in_window", Signal.ADDRESS, Tier.NEARBY),
)
"""Strongest first: a match bears the name of the first that holds, whichever tier was surest of it."""

VIEW_THROUGH = "view_through"
CHOSEN_BY_PERSON = "chosen_by_person"

ADMITTED_BY = {tier: frozenset(rule.signal for rule in RULES if rule.tier is tier) for tier in Tier}
WEIGHED_IN = {Signal.STALE_ID: Tier.CARRIED, Signal.CROWD: Tier.NEARBY}
"""The one tier that weighs these: elsewhere they would let a further tie make a click less sure."""
CARRIED = ADMITTED_BY[Tier.CARRIED]
"""An id of ours that came back through the gateway."""
DIRECT = CARRIED | ADMITTED_BY[Tier.SHARED]
"""The sale itself names the click or its visit."""
LINKED = ADMITTED_BY[Tier.LINKED]
"""The sale names another visit, of the same browser or person as the click's."""

AGAINST = frozenset(
    {
        Signal.OTHER_IDENTITY,
        Signal.AGE,
        Signal.STALE_ID,
        Signal.CROWD,
        Signal.OTHER_ID,
        Signal.RIVAL,
        Signal.LINKED_RIVAL,
        Signal.NEARBY_RIVAL,
        Signal.RIVAL_HERE,
    }
)
"""None of these weighs above zero, none of the others below: a further sign for a click never makes it less sure."""
