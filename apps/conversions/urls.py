"""REST routes of the quarantine, of drift notices and of rollouts."""

from django.urls import path

from apps.conversions import api

urlpatterns = [
    path("quarantine", api.QuarantineList.as_view(), name="quarantine"),
    path("quarantine/<int:pk>", api.QuarantineView.as_view(), name="quarantined"),
    path("quarantine/<int:pk>/replay", api.QuarantineReplay.as_view(), name="quarantine-replay"),
    path("drift", api.DriftList.as_view(), name="drift"),
    path("endpoints/<uuid:pk>/rollout", api.RolloutView.as_view(), name="rollout"),
]
