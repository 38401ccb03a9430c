"""The stand-in's addresses, at the root of its own port as the Graph API's are."""

from django.urls import path
from django.views.i18n import set_language

from apps.sandbox import views

urlpatterns = [
    path("", views.page, name="sandbox-page"),
    path("received", views.fragment, name="sandbox-fragment"),
    path("received.json", views.received, name="sandbox-received"),
    path("language", set_language, name="sandbox-language"),
    path("healthz", views.healthz, name="sandbox-healthz"),
    path("debug_token", views.debug_token),
    path("<str:version>/debug_token", views.debug_token),
    path("<str:version>/<str:pixel_id>/events", views.events),
]

handler404 = "apps.sandbox.views.not_found"
handler500 = "apps.sandbox.views.server_error"
