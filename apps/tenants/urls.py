"""REST routes of accounts."""

from rest_framework.routers import SimpleRouter

from apps.tenants.signing_api import SigningKeyViewSet

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("signing-keys", SigningKeyViewSet, basename="signing-key")
urlpatterns = router.urls
