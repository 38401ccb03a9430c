"""REST routes of funnels."""

from rest_framework.routers import SimpleRouter

from apps.funnels.api import FunnelViewSet

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("funnels", FunnelViewSet, basename="funnel")
urlpatterns = router.urls
