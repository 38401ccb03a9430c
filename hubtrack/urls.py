"""Every address of the hub (DESIGN section 8 names the stable ones)."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView

from apps.clicks.urls import root as links

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("", include("apps.monitoring.urls")),
    path("api/v1/", include("apps.clicks.urls")),  # before the pipeline's: "batch" would be the id of an event there
    path("api/v1/", include("apps.pipeline.urls")),
    path("api/v1/", include("apps.matching.urls")),
    path("api/v1/", include("apps.conversions.urls")),
    path("api/v1/", include("apps.funnels.urls")),
    path("api/v1/", include("apps.tenants.urls")),
    path("api/v1/", include("apps.analytics.urls")),
    path("t/", include("apps.clicks.script")),
    path("api/v1/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("admin", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("", include(links)),
]

handler400 = "apps.core.problems.bad_request"
handler403 = "apps.core.problems.forbidden"
handler404 = "apps.core.problems.not_found"
handler500 = "apps.core.problems.server_error"
