"""The JSON of matches, the same wherever one is shown."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.core.api import MoneyText
from apps.matching.evidence import explain_match, present_evidence
from apps.matching.models import Match, MatchReview, ReviewState
from apps.matching.services.review import MAX_NOTE


class ReviewStep(serializers.ModelSerializer[MatchReview]):
    """One decision: by a person, or, without an `actor`, by the funnel's rule when the time had run out.

    `confidence` is the proposal's; `click_id` the click that is used from then on.
    """

    proposed_click_id = serializers.CharField(source="proposed.public_id", default=None, allow_null=True)
    click_id = serializers.CharField(source="click.public_id", default=None, allow_null=True)

    class Meta:
        model = MatchReview
        fields = ("outcome", "proposed_click_id", "click_id", "confidence", "actor", "note", "decided_at")


class ReviewOutput(serializers.Serializer[Match]):
    """Where the review stands, and until when it may take."""

    state = serializers.ChoiceField(ReviewState.choices, source="review")
    due_at = serializers.DateTimeField(source="review_due_at", allow_null=True)
    history = ReviewStep(source="reviews", many=True)


class BetterOutput(serializers.Serializer[Any]):
    """What would be decided by now, had nothing been told yet."""

    click_id = serializers.CharField()
    decision = serializers.CharField()
    rule = serializers.CharField()
    confidence = serializers.FloatField()


class MatchOutput(serializers.Serializer[Match]):
    """The decision with its evidence; `explanation` and each `reason` are sentences in the reader's language.

    Platforms hear of `click_id` only while `is_used`; otherwise it is a proposal. `review` is null where no person was
    or is needed.
    """

    decision = serializers.CharField()
    rule = serializers.CharField()
    confidence = serializers.FloatField()
    click_id = serializers.CharField(source="click.public_id", default=None, allow_null=True)
    is_used = serializers.BooleanField()
    explanation = serializers.SerializerMethodField()
    evidence = serializers.SerializerMethodField()
    rule_set = serializers.CharField()
    matched_at = serializers.DateTimeField()
    review = serializers.SerializerMethodField()
    better = BetterOutput(allow_null=True)

    def get_explanation(self, match: Match) -> str:
        return explain_match(match)

    def get_evidence(self, match: Match) -> list[dict[str, Any]]:
        return present_evidence(match)

    @extend_schema_field(ReviewOutput(allow_null=True))
    def get_review(self, match: Match) -> dict[str, Any] | None:
        return dict(ReviewOutput(match).data) if match.review else None


class MatchDetail(MatchOutput):
    """A match with the sale that it is of."""

    id = serializers.IntegerField()
    order_id = serializers.CharField(source="conversion.order_id")
    gateway = serializers.CharField(source="conversion.gateway")
    amount = MoneyText(source="conversion.amount")
    currency = serializers.CharField(source="conversion.currency")


class ReviewRequest(serializers.Serializer[Any]):
    """`note` says why, for whoever reads the history."""

    note = serializers.CharField(max_length=MAX_NOTE, allow_blank=True, default="")


class ChoiceRequest(ReviewRequest):
    """`click_id` is one of those that the match's evidence names."""

    click_id = serializers.CharField(max_length=32)
