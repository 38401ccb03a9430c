"""Visitors who say who they are, and who the hub then takes them for."""

import hashlib
from datetime import timedelta
from typing import Any

from django.db.models.functions import Now

from apps.clicks.models import Identity, Person, PersonMerge, Session
from apps.clicks.people import LINK_BATCH, link_due_sessions, read_due_sessions
from apps.core.ids import new_id
from apps.pipeline.stages import link_people_batch
from apps.tenants.scoping import unscoped
from tests.worlds import World

Partition = set[frozenset[str]]
KEYS = {"e": "em", "p": "ph", "x": "external_id", "b": "buyer_em"}


def digest(word: str) -> str:
    return hashlib.sha256(word.encode()).hexdigest()


def identity_of(*words: str) -> dict[str, list[str]]:
    """ "e1" is an e-mail, "p1" a phone, "x1" an external id, "b1" the e-mail of who bought in the session."""
    named: dict[str, list[str]] = {}
    for word in words:
        named.setdefault(KEYS[word[0]], []).append(digest(word.replace("b", "e")))
    return named


def visit(world: World, *words: str) -> Session:
    """A stored session whose visitor is known by these."""
    identity = identity_of(*words)
    with unscoped():
        session: Session = Session.objects.create(
            tenant_id=world.tenant_id,
            funnel=world.funnel,
            public_id=new_id("hts"),
            identity=identity,
            email_sha256=next(iter(identity.get("em", [])), ""),
            phone_sha256=next(iter(identity.get("ph", [])), ""),
        )
    return session


def link_all() -> int:
    """Run the lane dry; how many sessions it linked."""
    linked = 0
    with unscoped():
        while rows := link_people_batch().rows:
            linked += rows
    return linked


def link_some(limit: int = LINK_BATCH) -> int:
    """One turn at the sessions that are due, at most so many; how many it linked."""
    with unscoped():
        due = read_due_sessions(limit)
        return link_due_sessions(due) if due else 0


def person_of(session: Session | str) -> Person | None:
    public_id = session if isinstance(session, str) else session.public_id
    with unscoped():
        found: Session = Session.objects.select_related("person").get(public_id=public_id)
    return found.person


def partition() -> Partition:
    """Which sessions are one person's."""
    people: dict[int | None, set[str]] = {}
    with unscoped():
        for person, public_id in Session.objects.values_list("person_id", "public_id"):
            people.setdefault(person, set()).add(public_id)
    return {frozenset(sessions) for sessions in people.values()}


def snapshot() -> dict[str, Any]:
    """Whose every session and identity is, and who is merged into whom."""
    with unscoped():
        return {
            "sessions": dict(Session.objects.values_list("public_id", "person_id")),
            "identities": dict(Identity.objects.values_list("pk", "person_id")),
            "people": dict(Person.objects.values_list("pk", "merged_into_id")),
        }


def merges() -> list[PersonMerge]:
    with unscoped():
        return list(PersonMerge.objects.select_related("kept", "merged", "identity").order_by("pk"))


def let_pass(session_id: str, minutes: float) -> None:
    """As if the session had last been seen so long ago."""
    with unscoped():
        Session.objects.filter(public_id=session_id).update(last_seen_at=Now() - timedelta(minutes=minutes))
