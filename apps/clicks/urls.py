"""Routes of the public tracking endpoints and of the REST API of links and domains; `root` holds the redirects."""

from django.urls import path, re_path
from rest_framework.routers import SimpleRouter

from apps.clicks import api, consent_api, people_api, redirects, sessions_api
from apps.clicks.batch.api import receive_batch
from apps.clicks.domains.api import DomainViewSet
from apps.clicks.links import LINK_KEY
from apps.clicks.links_api import LinkViewSet, UtmView
from apps.clicks.tracking import PAGE_EVENTS

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("links", LinkViewSet, basename="link")
router.register("domains", DomainViewSet, basename="domain")
root = [re_path(rf"^(?P<key>{LINK_KEY})$", redirects.follow_link, name="follow-link")]
urlpatterns = [
    path("links/utm", UtmView.as_view(), name="links-utm"),
    *router.urls,
    path("track/click", api.track_click, name="track-click"),
    *(path(f"track/{name}", api.track_page_event, {"name": name}, name=f"track-{name}") for name in PAGE_EVENTS),
    path("track/identify", api.track_identify, name="track-identify"),
    path("track/consent", consent_api.track_consent, name="track-consent"),
    path("events/batch", receive_batch, name="events-batch"),
    path("sessions/<str:session_id>", sessions_api.SessionView.as_view(), name="session"),
    path("people", people_api.PersonList.as_view(), name="people"),
    path("people/<slug:person_id>", people_api.PersonView.as_view(), name="person"),
    path("people/merges/<int:pk>/undo", people_api.MergeUndo.as_view(), name="person-merge-undo"),
]
