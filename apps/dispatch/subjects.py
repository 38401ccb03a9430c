"""Whom an event is about: a sale's buyer, or the visitor of a page, as far as they are known by now.

What a visitor did is told with all that was learned of them since: the ad click that the same browser came by, and the
purchase that the click led to.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from apps.clicks.models import Click, PageEvent, Session
from apps.conversions.models import Conversion
from apps.dispatch.models import CapiEvent
from apps.dispatch.words import Question


@dataclass(frozen=True, slots=True)
class Visitor:
    """Of a page: their visit, the click that brought them, and what they bought; None where unknown."""

    visit: Session
    click: Click | None
    sale: Conversion | None

    @property
    def question(self) -> Question:
        """What did they say of ads?"""
        return Question(conversion_id=self.sale.pk if self.sale else None, session_id=self.visit.pk)


def find_questions(events: Sequence[CapiEvent]) -> list[Question]:
    """What to ask about each event's person, in their order; of a sale no more than its key is read."""
    visitors = find_visitors(event.page_event for event in events if event.page_event)
    return [
        visitors[page.session_id].question if (page := event.page_event) else Question(event.conversion_id)
        for event in events
    ]


def find_question(event: CapiEvent) -> Question:
    return find_questions([event])[0]


def heard_at(event: CapiEvent) -> datetime:
    """When the hub first heard of what the event is about."""
    about = event.about
    return about.occurred_at if isinstance(about, PageEvent) else about.received_at


def find_visitors(events: Iterable[PageEvent]) -> dict[int, Visitor]:
    """By the key of the session, in three statements."""
    sessions = {event.session_id: event.session for event in events}
    if not sessions:
        return {}
    clicks = _find_clicks(sessions.values())
    sales = _find_sales({*sessions, *(click.session_id for click in clicks.values())})
    return {
        pk: Visitor(
            visit=session,
            click=clicks.get(pk),
            sale=sales.get(pk) or (sales.get(clicks[pk].session_id) if pk in clicks else None),
        )
        for pk, session in sessions.items()
    }


def _find_clicks(sessions: Iterable[Session]) -> dict[int, Click]:
    """The latest click of each session, else the one that the page carried from an earlier visit."""
    sessions = list(sessions)
    own = Click.objects.filter(session__in=sessions, is_automated=False).distinct("session")
    found: dict[int, Click] = {click.session_id: click for click in own.order_by("session", "-clicked_at", "-pk")}
    carriers = [session for session in sessions if session.pk not in found and session.click_ref]
    carried = {
        (click.tenant_id, click.public_id): click
        for click in Click.objects.filter(public_id__in={session.click_ref for session in carriers})
    }
    for session in carriers:
        if click := carried.get((session.tenant_id, session.click_ref)):
            found[session.pk] = click
    return found


def _find_sales(sessions: Iterable[int]) -> dict[int, Conversion]:
    """The latest approved sale of each session whose click is certain."""
    sales = Conversion.objects.filter(
        match__click__session__in=sessions,
        match__is_used=True,
        approved_at__isnull=False,
        is_test=False,
    ).select_related("match__click")
    return {sale.match.click.session_id: sale for sale in sales.order_by("approved_at", "pk")}
