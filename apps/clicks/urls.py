"""Routes of the public tracking endpoints and of the REST API of links; `root` holds the redirects themselves."""

from django.urls import path, re_path
from rest_framework.routers import SimpleRouter

from apps.clicks import api, consent_api, people_api, redirects
from apps.clicks.links import LINK_KEY
from apps.clicks.links_api import LinkViewSet, UtmView

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("links", LinkViewSet, basename="link")
root = [re_path(rf"^(?P<key>{LINK_KEY})$", redirects.follow_link, name="follow-link")]
urlpatterns = [
    path("links/utm", UtmView.as_view(), name="links-utm"),
    *router.urls,
    path("track/click", api.track_click, name="track-click"),
    path("track/pageview", api.track_pageview, name="track-pageview"),
    path("track/view_content", api.track_view_content, name="track-view-content"),
    path("track/add_to_cart", api.track_add_to_cart, name="track-add-to-cart"),
    path("track/identify", api.track_identify, name="track-identify"),
    path("track/consent", consent_api.track_consent, name="track-consent"),
    path("track/initiate_checkout", api.track_initiate_checkout, name="track-initiate-checkout"),
    path("people", people_api.PersonList.as_view(), name="people"),
    path("people/<slug:person_id>", people_api.PersonView.as_view(), name="person"),
    path("people/merges/<int:pk>/undo", people_api.MergeUndo.as_view(), name="person-merge-undo"),
]
