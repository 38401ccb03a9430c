"""Support's pages of matching: matches with their evidence in words, here and beside conversions and clicks."""

from apps.matching.admin import comparisons, confidence, matches, publishing, reviews

__all__ = ["comparisons", "confidence", "matches", "publishing", "reviews"]
