"""The stand-in's addresses, at the root of its own port as the Graph API's and TikTok's are."""

from django.urls import path
from django.views.i18n import set_language

from apps.sandbox import token_views, views

urlpatterns = [
    path("", views.page, name="sandbox-page"),
    path("received", views.fragment, name="sandbox-fragment"),
    path("received.json", views.received, name="sandbox-received"),
    path("faults.json", views.faults, name="sandbox-faults"),
    path("language", set_language, name="sandbox-language"),
    path("healthz", views.healthz, name="sandbox-healthz"),
    path("debug_token", views.debug_token),
    path("<str:version>/debug_token", views.debug_token),
    path("oauth/access_token", token_views.exchange),
    path("<str:version>/oauth/access_token", token_views.exchange),
    path("oauth/revoke", token_views.revoke),
    path("<str:version>/oauth/revoke", token_views.revoke),
    path("open_api/v1.3/event/track/", views.track),
    path("<str:version>/<str:pixel_id>/events", views.events),
]

handler404 = "apps.sandbox.views.not_found"
handler500 = "apps.sandbox.views.server_error"
