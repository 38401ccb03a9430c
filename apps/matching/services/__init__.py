"""Use-cases of matching: the only writers of matches, reviews, weights and comparisons."""

from apps.matching.services.compare import (
    claim_comparison,
    continue_comparison,
    fail_comparison,
    start_comparison,
)
from apps.matching.services.match import match_conversions
from apps.matching.services.measure import fit_weights, measure_confidence, use_weights
from apps.matching.services.publish import NeedsConfirmation, publish_checked
from apps.matching.services.review import accept_match, choose_click, close_overdue_reviews, reject_match

__all__ = [
    "NeedsConfirmation",
    "accept_match",
    "choose_click",
    "claim_comparison",
    "close_overdue_reviews",
    "continue_comparison",
    "fail_comparison",
    "fit_weights",
    "match_conversions",
    "measure_confidence",
    "publish_checked",
    "reject_match",
    "start_comparison",
    "use_weights",
]
