"""What a draft would change of one sale, in the reader's language."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from apps.matching.evidence import signal_name
from apps.matching.models import Difference
from apps.matching.rules import Decision
from apps.matching.signals import RULES, VIEW_THROUGH

_SIGNALS = {rule.name: rule.signal for rule in RULES}


def explain_difference(difference: Difference) -> str:
    sides = {"before": describe_outcome(difference.before), "after": describe_outcome(difference.after)}
    return _("Now: %(before)s. With the draft: %(after)s.") % sides


def describe_outcome(outcome: Mapping[str, Any]) -> str:
    """As a part of a sentence; `outcome` as comparing.Outcome.to_json has it."""
    if outcome["rule"] == VIEW_THROUGH:
        return _("no ad click, but a visit of the buyer's")
    if outcome["decision"] == Decision.UNMATCHED:
        return _("no click")
    facts = {
        "click": outcome["click_id"],
        "tie": signal_name(_SIGNALS[outcome["rule"]]),
        "sure": round(outcome["confidence"] * 100),
    }
    if outcome["decision"] == Decision.REVIEW:
        return _("a person is asked about click %(click)s (%(tie)s; %(sure)d %% sure)") % facts
    return _("click %(click)s (%(tie)s; %(sure)d %% sure)") % facts
