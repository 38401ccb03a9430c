"""Use-cases of people: the only writer of people, identities and merges, and the one that says whose a session is.

Whoever writes here holds the tenant's lock, so two workers that meet the same hash never make two people of it; the
unique constraint on identities stands behind that. Hits only ever take a session's person away, which makes it due
here, or carry it on from the visitor's session before. Row locks come after the tenant's lock, in the order of ids.
"""

import json
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import BigIntegerField, BooleanField, Case, Count, Func, Q, QuerySet, Value, When
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from apps.clicks.linking import BUYER_PREFIX, CROWD, KINDS, Evidence, Hash, Joined, Known, Plan, plan_links, read_hashes
from apps.clicks.models import Identity, Person, PersonMerge, Session
from apps.core.errors import NotPossible
from apps.core.identity import OTHER_PHONE, HashedIdentity
from apps.core.ids import new_id
from apps.core.log import get_logger

LINK_BATCH = 200
PERSON_PREFIX = "htp"
_NAMING = [f"{prefix}{kind}" for prefix in ("", BUYER_PREFIX) for kind in KINDS]
_SHARED_WITH_SALES = ("em", "ph", OTHER_PHONE)
_LOCK_TENANT = "SELECT pg_advisory_xact_lock(hashtextextended('people ' || %s::text, 0))"
# Whoever was merged into one of these people counts as that one.
_FIND_APART = """
    WITH RECURSIVE member AS (
        SELECT id AS root, id FROM clicks_person WHERE id = ANY(%s::bigint[])
        UNION ALL
        SELECT member.root, p.id FROM member JOIN clicks_person p ON p.merged_into_id = member.id)
    SELECT DISTINCT kept.root, merged.root
    FROM clicks_personmerge undone
    JOIN member kept ON kept.id = undone.kept_id
    JOIN member merged ON merged.id = undone.merged_id
    WHERE undone.undone_at IS NOT NULL AND kept.root <> merged.root
"""
_SET_PEOPLE = """
    UPDATE clicks_session s SET person_id = place.person
    FROM jsonb_to_recordset(%s::jsonb) AS place (session bigint, person bigint) WHERE s.id = place.session
"""
# The locks of all their tenants come first, in one order, and the sessions are read as they are once those are held.
_LOCK_BUYERS = """
    WITH clicked AS (SELECT id, session_id, tenant_id FROM clicks_click WHERE id = ANY(%s::bigint[])),
    locked AS MATERIALIZED (
        SELECT count(pg_advisory_xact_lock(place)) AS tenants FROM (
            SELECT DISTINCT hashtextextended('people ' || tenant_id::text, 0) AS place FROM clicked ORDER BY 1) AS ours)
    SELECT s.id, s.identity::text, clicked.id
    FROM locked JOIN clicked ON locked.tenants > 0 JOIN clicks_session s ON s.id = clicked.session_id
    ORDER BY s.id, clicked.id FOR UPDATE OF s
"""
_SET_BUYERS = """
    UPDATE clicks_session s SET identity = told.identity, person_id = NULL
    FROM jsonb_to_recordset(%s::jsonb) AS told (session bigint, identity jsonb) WHERE s.id = told.session
"""
log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Purchase:
    """An approved sale: the click (its key) that brought it, and the buyer's hashes."""

    click: int
    identity: HashedIdentity


@dataclass(frozen=True, slots=True)
class DueSession:
    """A session, by its key, as it stood when its visitor had last been seen."""

    pk: int
    identity: HashedIdentity
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class DueSessions:
    """Some of one tenant's, never none."""

    tenant_id: uuid.UUID
    sessions: tuple[DueSession, ...]

    def said(self) -> dict[str, datetime]:
        """The e-mail and phone hashes that visitors named themselves, and when each was said at the latest."""
        said: dict[str, datetime] = {}
        for session in sorted(self.sessions, key=lambda session: session.last_seen_at):
            digests = [digest for key in _SHARED_WITH_SALES for digest in session.identity.get(key, [])]
            said |= dict.fromkeys(digests, session.last_seen_at)
        return said


class _IsGiven(Func):
    """Whether a JSON object is not empty; a literal, so that also a prepared statement can use the partial index."""

    template = "%(expressions)s <> '{}'::jsonb"
    output_field = BooleanField()


def due_sessions() -> QuerySet[Session]:
    """Sessions that name somebody, and of which it is not known, or no longer certain, who that is."""
    rows: QuerySet[Session] = Session.objects.filter(_IsGiven("identity"), person__isnull=True)
    return rows.filter(identity__has_any_keys=_NAMING)


def read_due_sessions(limit: int = LINK_BATCH) -> DueSessions | None:
    """The oldest of a tenant that has any."""
    tenant_id = due_sessions().order_by("pk").values_list("tenant_id", flat=True).first()
    if tenant_id is None:
        return None
    rows = due_sessions().filter(tenant_id=tenant_id).order_by("pk")
    found = tuple(DueSession(*row) for row in rows.values_list("pk", "identity", "last_seen_at")[:limit])
    return DueSessions(tenant_id, found) if found else None


@transaction.atomic
def link_due_sessions(due: DueSessions) -> int:
    """Find the people of these, in a fixed number of statements; how many sessions. Of who has said more since, or been
    linked, nothing is done: who is due still is read again."""
    _lock(due.tenant_id)
    read = {session.pk: session.identity for session in due.sessions}
    rows = due_sessions().filter(pk__in=read).order_by("pk").select_for_update(skip_locked=True)
    same = [(pk, identity) for pk, identity in rows.values_list("pk", "identity") if identity == read[pk]]
    evidence = [Evidence(pk, hashes) for pk, identity in same if (hashes := read_hashes(identity))]
    if evidence:
        _carry_out(due.tenant_id, plan_links(evidence, _read_known(due.tenant_id, evidence)))
    return len(evidence)


@transaction.atomic
def note_purchases(purchases: Iterable[Purchase]) -> int:
    """Keep with each sale's session what the buyer's identity adds, and have it linked anew; how many sessions."""
    by_click: dict[int, list[HashedIdentity]] = defaultdict(list)
    for purchase in purchases:
        by_click[purchase.click].append(purchase.identity)
    if not by_click:
        return 0
    before: dict[int, HashedIdentity] = {}
    after: dict[int, HashedIdentity] = {}
    for pk, text, click in _execute(_LOCK_BUYERS, list(by_click)):
        identity: HashedIdentity = json.loads(text)
        before[pk] = identity
        for buyer in by_click[click]:
            after[pk] = _with_buyer(after.get(pk, identity), buyer)
    told = [{"session": pk, "identity": identity} for pk, identity in after.items() if identity != before[pk]]
    if told:
        _execute(_SET_BUYERS, json.dumps(told))
    return len(told)


@transaction.atomic
def undo_merge(merge_id: int, actor: str) -> PersonMerge:
    """Move back what the merge moved, and keep who did it. The two stay apart from now on, whatever hash names both."""
    tenant_id = PersonMerge.objects.values_list("tenant_id", flat=True).get(pk=merge_id)
    _lock(tenant_id)
    merge: PersonMerge = PersonMerge.objects.select_related("kept", "merged", "identity").get(pk=merge_id)
    if merge.undone_at:
        raise NotPossible(_("This merge has been undone already."))
    holder = _follow(merge.kept)
    _give_back(merge, holder)
    Person.objects.filter(pk=merge.merged_id).update(merged_into=None)
    PersonMerge.objects.filter(pk=merge.pk).update(undone_at=Now(), undone_by=actor[:200])
    merge.refresh_from_db(fields=["undone_at", "undone_by"])
    log.info("people.merge_undone", tenant_id=str(tenant_id), rows=len(merge.moved["sessions"]))
    return merge


def _lock(tenant_id: uuid.UUID) -> None:
    _execute(_LOCK_TENANT, str(tenant_id))


def _execute(statement: str, value: str | list[int]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, [value])
        return cursor.fetchall() if cursor.description else []


def _with_buyer(identity: HashedIdentity, buyer: HashedIdentity) -> HashedIdentity:
    """`identity` and those of the buyer's hashes that it lacks, under keys of their own: nothing is sent of them."""
    grown = dict(identity)
    for kind in KINDS:
        key = f"{BUYER_PREFIX}{kind}"
        known = identity.get(key, [])
        new = [digest for digest in buyer.get(kind, []) if digest not in (*identity.get(kind, []), *known)]
        if new:
            grown[key] = [*known, *new][:CROWD]
    return grown


def _read_known(tenant_id: uuid.UUID, evidence: Sequence[Evidence]) -> Known:
    named = {item for session in evidence for item in session.hashes}
    stored = Identity.objects.filter(
        tenant_id=tenant_id, kind__in=KINDS, digest__in={digest for _kind, digest in named}
    ).values_list("kind", "digest", "person_id")
    owners = {Hash(kind, digest): person for kind, digest, person in stored if (kind, digest) in named}
    people = sorted(set(owners.values()))
    sizes: dict[int, Counter[str]] = defaultdict(Counter)
    counted = Identity.objects.filter(person__in=people).values_list("person_id", "kind").annotate(Count("pk"))
    for person, kind, count in counted:
        sizes[person][kind] = count
    apart = frozenset(frozenset(pair) for pair in _execute(_FIND_APART, people))
    return Known(owners=owners, sizes=sizes, apart=apart)


def _carry_out(tenant_id: uuid.UUID, plan: Plan) -> None:
    made = Person.objects.bulk_create(
        Person(tenant_id=tenant_id, public_id=new_id(PERSON_PREFIX)) for _newcomer in plan.newcomers
    )
    keys = dict(zip(plan.newcomers, (person.pk for person in made), strict=True))
    Identity.objects.bulk_create(
        Identity(tenant_id=tenant_id, kind=item.kind, digest=item.digest, person_id=keys.get(person, person))
        for item, person in plan.learned.items()
    )
    if plan.joined:
        _merge(tenant_id, plan.joined)
    places = [{"session": pk, "person": keys.get(person, person)} for pk, person in plan.homes.items()]
    _execute(_SET_PEOPLE, json.dumps(places))


def _merge(tenant_id: uuid.UUID, joined: Sequence[Joined]) -> None:
    """The people's rows come first: a hit that carries a person on waits for them (services.py), and then does not."""
    kept = {item.merged: item.kept for item in joined}
    Person.objects.filter(pk__in=kept).update(merged_into=_replaced("pk", kept))
    named = Identity.objects.filter(
        tenant_id=tenant_id, kind__in=KINDS, digest__in=[item.because.digest for item in joined]
    )
    causes = {Hash(kind, digest): pk for kind, digest, pk in named.values_list("kind", "digest", "pk")}
    moved: dict[int, dict[str, list[int]]] = {person: {"sessions": [], "identities": []} for person in kept}
    for name, model in (("sessions", Session), ("identities", Identity)):
        rows = model.objects.filter(person__in=kept)
        for person, pk in rows.order_by("pk").select_for_update().values_list("person_id", "pk"):
            moved[person][name].append(pk)
        rows.update(person=_replaced("person", kept))
    PersonMerge.objects.bulk_create(
        PersonMerge(
            tenant_id=tenant_id,
            kept_id=item.kept,
            merged_id=item.merged,
            identity_id=causes[item.because],
            moved=moved[item.merged],
        )
        for item in joined
    )
    log.info("people.merged", tenant_id=str(tenant_id), count=len(joined))


def _replaced(name: str, by: Mapping[int, int]) -> Case:
    cases = [When(**{name: old}, then=Value(new)) for old, new in by.items()]
    return Case(*cases, output_field=BigIntegerField())


def _follow(person: Person) -> Person:
    """Whom `person` is part of by now."""
    while person.merged_into:
        person = person.merged_into
    return person


def _give_back(merge: PersonMerge, holder: Person) -> None:
    """What has gone elsewhere since is left there; sessions that came since by a hash given back are linked anew."""
    held = Session.objects.filter(person=holder)
    held.filter(pk__in=merge.moved["sessions"]).update(person=merge.merged)
    identities = Identity.objects.filter(pk__in=merge.moved["identities"], person=holder)
    names_one = Q()
    for kind, digest in identities.values_list("kind", "digest"):
        for key in (kind, f"{BUYER_PREFIX}{kind}"):
            names_one |= Q(**{f"identity__{key}__contains": [digest]})
    identities.update(person=merge.merged)
    if names_one:
        held.filter(names_one).update(person=None)
