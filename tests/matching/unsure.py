"""Sales between the thresholds: their buyer's click is a day old, and they were not seen again when ordering."""

from datetime import timedelta
from typing import Any

from django.db.models import F

from apps.clicks.models import Click, PageEvent, Session
from apps.matching.models import Match, MatchReview
from apps.pipeline.stages import match_batch
from apps.tenants.scoping import unscoped
from tests.worlds import World, hotmart

BUYER = "beatriz@example.com"


def make_older(session_id: str, **age: float) -> None:
    """A visit, moved into the past: the hub's own clock stamps it otherwise."""
    by = timedelta(**age)
    with unscoped():
        visit = Session.objects.filter(public_id=session_id)
        Click.objects.filter(session__in=visit).update(clicked_at=F("clicked_at") - by)
        PageEvent.objects.filter(session__in=visit).update(occurred_at=F("occurred_at") - by)
        visit.update(first_seen_at=F("first_seen_at") - by, last_seen_at=F("last_seen_at") - by)


def match_all() -> None:
    with unscoped():
        while match_batch().rows:
            pass


def sell_unsure(world: World, order_id: str = "HP1", *, email: str = BUYER, **values: Any) -> dict[str, Any]:
    """The ids of the click that is proposed: its visitor named the buyer's e-mail a day ago."""
    ids = world.click(email=email, **values)
    make_older(ids["session_id"], days=1)
    world.post_webhook(hotmart(order_id=order_id, email=email, phone=""))
    match_all()
    return ids


def sell_between_two(world: World) -> tuple[dict[str, Any], dict[str, Any]]:
    """The ids of the click that is proposed and of an earlier one by the same visitor in another browser."""
    other = world.click(email=BUYER, fbp="fb.1.1700000000000.111")
    make_older(other["session_id"], hours=36)
    return sell_unsure(world, fbp="fb.1.1700000000000.222"), other


def the_match(order_id: str = "HP1") -> Match:
    with unscoped():
        match: Match = Match.objects.select_related("conversion", "click").get(conversion__order_id=order_id)
    return match


def reviews() -> list[MatchReview]:
    with unscoped():
        return list(MatchReview.objects.select_related("proposed", "click").order_by("pk"))


def set_funnel(world: World, **settings: Any) -> None:
    assert world.patch(f"funnels/{world.funnel.pk}", settings).status_code == 200
    published = world.post(f"funnels/{world.funnel.pk}/publish")
    assert published.status_code == 200, published.content
