"""Routes of the public tracking endpoints."""

from django.urls import path

from apps.clicks import api

urlpatterns = [
    path("track/click", api.track_click, name="track-click"),
    path("track/pageview", api.track_pageview, name="track-pageview"),
    path("track/initiate_checkout", api.track_initiate_checkout, name="track-initiate-checkout"),
]
