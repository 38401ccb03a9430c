"""Routes of matching."""

from django.urls import URLPattern, path

from apps.matching.api import comparisons, confidence, publishing, reviews

urlpatterns: list[URLPattern] = [
    path("matches", reviews.MatchList.as_view(), name="matches"),
    path("matches/<int:pk>", reviews.MatchView.as_view(), name="match"),
    path("matches/<int:pk>/accept", reviews.MatchAccept.as_view(), name="match-accept"),
    path("matches/<int:pk>/reject", reviews.MatchReject.as_view(), name="match-reject"),
    path("matches/<int:pk>/choose", reviews.MatchChoose.as_view(), name="match-choose"),
    path("matching/confidence", confidence.ConfidenceView.as_view(), name="confidence"),
    path("matching/weights", confidence.WeightsView.as_view(), name="weights"),
    path("funnels/<uuid:pk>/weights", confidence.FunnelWeightsView.as_view(), name="funnel-weights"),
    path("funnels/<uuid:pk>/publish", publishing.PublishView.as_view(), name="funnel-publish"),
    path("funnels/<uuid:pk>/comparisons", comparisons.ComparisonStart.as_view(), name="funnel-comparisons"),
    path("comparisons/<uuid:pk>", comparisons.ComparisonView.as_view(), name="comparison"),
    path("comparisons/<uuid:pk>/differences", comparisons.DifferenceList.as_view(), name="comparison-differences"),
]
