"""REST routes of the read models."""

from django.urls import path

from apps.analytics.api import SignalsView

urlpatterns = [path("funnels/<uuid:pk>/signals", SignalsView.as_view(), name="funnel-signals")]
