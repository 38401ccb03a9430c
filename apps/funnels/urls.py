"""REST routes of funnels."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from apps.funnels.api import CredentialCheckView, FunnelViewSet

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("funnels", FunnelViewSet, basename="funnel")
urlpatterns = [*router.urls, path("credentials/check", CredentialCheckView.as_view(), name="credentials-check")]
