"""Reads of people and their sessions. Clicks by machines are left out: no person made them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, Count, F, Max, Min, Q, QuerySet, TextField, Value, When

from apps.clicks.models import Click, Digest, Person, PersonMerge, Session
from apps.tenants.models import Tenant

SESSIONS_SHOWN = 100
DEVICES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Visit:
    """A session with its first and its last click; both are None while it has only page events."""

    session: Session
    first_click: Click | None
    last_click: Click | None


@dataclass(frozen=True, slots=True)
class Device:
    """A browser, told by Meta's browser id (fbp), or by its user agent where it has none."""

    fbp: str
    user_agent: str
    clicks: int
    first_seen_at: datetime
    last_seen_at: datetime


def find_people(*, email_sha256: str = "", phone_sha256: str = "") -> QuerySet[Person]:
    """People who have all the hashes that are given."""
    rows: QuerySet[Person] = Person.objects.select_related("merged_into").order_by("pk")
    for kind, digest in (("em", email_sha256), ("ph", phone_sha256)):
        if digest:
            rows = rows.filter(identities__kind=kind, identities__digest=digest)
    return rows


def clicks_of_meta(fbclid: str) -> QuerySet[Click]:
    """People's clicks with this Meta click id. Every tenant is named, because the index of its digests begins there."""
    rows: QuerySet[Click] = Click.objects.filter(tenant__in=Tenant.objects.values("pk"), is_automated=False)
    return rows.alias(digest=Digest("fbclid")).filter(digest=Digest(Value(fbclid)), fbclid=fbclid).exclude(fbclid="")


def visits_of(person: Person) -> list[Visit]:
    """The person's newest sessions, the last seen first; three statements."""
    sessions = list(person.sessions.select_related("funnel").order_by("-last_seen_at", "-pk")[:SESSIONS_SHOWN])
    return with_clicks(sessions)


def with_clicks(sessions: Iterable[Session]) -> list[Visit]:
    sessions = list(sessions)
    clicks = Click.objects.filter(session__in=sessions, is_automated=False).distinct("session")
    first = {row.session_id: row for row in clicks.order_by("session", "clicked_at", "pk")}
    last = {row.session_id: row for row in clicks.order_by("session", "-clicked_at", "-pk")}
    return [Visit(session, first.get(session.pk), last.get(session.pk)) for session in sessions]


def devices_of(person: Person) -> list[Device]:
    """The browsers behind the person's clicks, the last seen first."""
    clicks = Click.objects.filter(session__person=person, is_automated=False)
    browser = Case(When(fbp="", then=F("user_agent")), default=F("fbp"), output_field=TextField())
    found = clicks.annotate(browser=browser).values("browser").order_by("browser")
    found = found.annotate(
        fbp_of=Max("fbp"), agent=Max("user_agent"), clicks=Count("pk"), first=Min("clicked_at"), last=Max("clicked_at")
    )
    return [
        Device(row["fbp_of"], row["agent"], row["clicks"], row["first"], row["last"])
        for row in found.order_by("-last", "browser")[:DEVICES_SHOWN]
    ]


def merges_of(person: Person) -> QuerySet[PersonMerge]:
    """The merges that the person came out of or was lost in, newest first."""
    return list_merges().filter(Q(kept=person) | Q(merged=person)).order_by("-pk")


def list_merges() -> QuerySet[PersonMerge]:
    rows: QuerySet[PersonMerge] = PersonMerge.objects.select_related("kept", "merged", "identity")
    return rows
