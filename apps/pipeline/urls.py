"""Routes of the flow: conversions and events out. Webhooks come in through front.py."""

from django.urls import path

from apps.pipeline import api

urlpatterns = [
    path("conversions", api.ConversionList.as_view(), name="conversions"),
    path("events", api.EventList.as_view(), name="events"),
    path("events/<str:event_id>", api.EventView.as_view(), name="event"),
    path("replay/<str:event_id>", api.ReplayView.as_view(), name="replay"),
]
