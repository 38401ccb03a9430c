"""Use-cases of clicks: each is one statement that also opens or renews the session."""

import base64
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils import timezone
from django.utils.crypto import salted_hmac

from apps.clicks.models import Source
from apps.clicks.tracking import Hit
from apps.clicks.waiting import Waiting, note_waiting
from apps.core.db import tighten
from apps.core.ids import CLICK_PREFIX, EVENT_PREFIX, SESSION_PREFIX, new_id
from apps.core.log import current_request_id

SESSION_IDLE_MINUTES = 30
# A page repeats on every hit what its visitor once said. Only another word than the session's last is news: repeating a
# yes must not make it later than a no that the same person said elsewhere meanwhile.
_IS_NEWS = """EXCLUDED.consent_ads <> coalesce(s.consent_ads, NOT EXCLUDED.consent_ads)
            AND EXCLUDED.consent_at >= coalesce(s.consent_at, '-infinity')"""
# A session that has been silent for half an hour is over: its next hit opens another, which takes over what is known of
# the visitor. The next session's id follows from the one before, so hits of the same instant open the same one, and a
# page that goes on sending an old id is led to the latest.
_IS_OVER = f"{{0}}.last_seen_at < now() - interval '{SESSION_IDLE_MINUTES} minutes'"
NEXT_ID = "'hts' || left(encode(sha256(convert_to({0}.id || ' ' || {0}.public_id, 'UTF8')), 'hex'), 24)"
# When to look at the buffer first. Later hits leave it alone, which keeps their update of the row off every index; who
# looks then finds out whether the visitor has been active since (buffer.py).
_FIRST_LOOK = f"now() + interval '{SESSION_IDLE_MINUTES} minutes'"
# A page that remembers only its click stays in that click's session. The last WHERE keeps a session to its own tenant
# and funnel: a foreign one is neither changed nor told of, and the caller opens one of its own instead.
# A person who is being merged is not taken over: the lane links the new session by its hashes then.
_UPSERT_SESSION = f"""
    WITH RECURSIVE wanted AS (
        SELECT coalesce((SELECT known.public_id FROM clicks_click k JOIN clicks_session known ON known.id = k.session_id
                         WHERE k.public_id = %(carried_click_id)s), %(session_id)s) AS public_id),
    chain AS (
        SELECT s.*, 1 AS link FROM clicks_session s
        WHERE s.public_id = (SELECT public_id FROM wanted)
          AND s.tenant_id = %(tenant_id)s AND s.funnel_id = %(funnel_id)s
        UNION ALL
        SELECT following.*, chain.link + 1
        FROM chain CROSS JOIN LATERAL (
            SELECT s.* FROM clicks_session s
            WHERE s.public_id = {NEXT_ID.format("chain")}
              AND s.tenant_id = %(tenant_id)s AND s.funnel_id = %(funnel_id)s
            LIMIT 1) AS following
        WHERE {_IS_OVER.format("chain")}),
    latest AS (SELECT * FROM chain ORDER BY link DESC LIMIT 1),
    ended AS (SELECT * FROM latest WHERE {_IS_OVER.format("latest")})
    INSERT INTO clicks_session AS s
        (public_id, tenant_id, funnel_id, email_sha256, phone_sha256, identity, consent_ads, consent_at, person_id,
         ip, user_agent, fbc, fbp, click_ref, flush_at)
    SELECT coalesce({NEXT_ID.format("ended")}, latest.public_id, wanted.public_id), %(tenant_id)s, %(funnel_id)s,
           coalesce(nullif(%(email)s::text, ''), ended.email_sha256, ''),
           coalesce(nullif(%(phone)s::text, ''), ended.phone_sha256, ''),
           coalesce(ended.identity, '{{}}') || %(identity)s::jsonb,
           coalesce(%(consent)s::boolean, ended.consent_ads),
           CASE WHEN %(consent)s::boolean <> coalesce(ended.consent_ads, NOT %(consent)s::boolean)
                THEN statement_timestamp() ELSE ended.consent_at END,
           CASE WHEN ended.identity @> %(identity)s::jsonb
                THEN (SELECT p.id FROM clicks_person p
                      WHERE p.id = ended.person_id AND p.merged_into_id IS NULL FOR SHARE) END,
           %(ip)s::inet, %(user_agent)s, %(fbc)s, %(fbp)s, %(click_ref)s,
           CASE WHEN %(is_buffered)s::boolean THEN {_FIRST_LOOK} END
    FROM wanted LEFT JOIN latest ON true LEFT JOIN ended ON true
    ON CONFLICT (public_id) DO UPDATE SET
        last_seen_at = now(),
        email_sha256 = coalesce(nullif(%(email)s::text, ''), s.email_sha256),
        phone_sha256 = coalesce(nullif(%(phone)s::text, ''), s.phone_sha256),
        identity = s.identity || %(identity)s::jsonb,
        person_id = CASE WHEN s.identity @> %(identity)s::jsonb THEN s.person_id END,
        ip = coalesce(EXCLUDED.ip, s.ip),
        user_agent = coalesce(nullif(EXCLUDED.user_agent, ''), s.user_agent),
        fbc = coalesce(nullif(EXCLUDED.fbc, ''), s.fbc),
        fbp = coalesce(nullif(EXCLUDED.fbp, ''), s.fbp),
        click_ref = coalesce(nullif(EXCLUDED.click_ref, ''), s.click_ref),
        flush_at = coalesce(s.flush_at, EXCLUDED.flush_at),
        consent_ads = CASE WHEN {_IS_NEWS} THEN EXCLUDED.consent_ads ELSE s.consent_ads END,
        consent_at = CASE WHEN {_IS_NEWS} THEN EXCLUDED.consent_at ELSE s.consent_at END
    WHERE s.tenant_id = EXCLUDED.tenant_id AND s.funnel_id = EXCLUDED.funnel_id
    RETURNING id, public_id, tenant_id, consent_ads, consent_at
"""
# What the session's word became by this very statement; its timestamp is of no other.
_KEEP_WORD = """
    INSERT INTO clicks_consentrecord (tenant_id, session_id, consent_ads, source, given_at)
    SELECT tenant_id, id, consent_ads, %(said_by)s, consent_at FROM session WHERE consent_at = statement_timestamp()
"""


_RECORD_CLICK = tighten(
    f"""
WITH session AS ({_UPSERT_SESSION}), word AS ({_KEEP_WORD}), click AS (
INSERT INTO clicks_click
    (public_id, tenant_id, funnel_id, session_id, landing_url, referrer, fbclid, fbc, fbp, ttclid, gclid, utm,
     src, sck, xcod, ip, user_agent, consent_ads, event_id, correlation_id, source, link_id, is_automated,
     clock_skew_ms, clicked_at)
SELECT %(click_id)s, tenant_id, %(funnel_id)s, id, %(url)s, %(referrer)s, %(fbclid)s, %(fbc)s, %(fbp)s, %(ttclid)s,
       %(gclid)s, %(utm)s::jsonb, %(src)s, %(sck)s, %(xcod)s, %(ip)s::inet, %(user_agent)s, %(consent)s::boolean,
       %(event_id)s, %(correlation_id)s, %(source)s, %(link_id)s::bigint, %(is_automated)s::boolean,
       %(sent_at)s::bigint - (extract(epoch FROM statement_timestamp()) * 1000)::bigint,
       coalesce(%(occurred_at)s::timestamptz, statement_timestamp())
FROM session
ON CONFLICT (public_id) DO NOTHING RETURNING id)
SELECT public_id, EXISTS (SELECT FROM click) FROM session
"""
)
_RECORD_PAGE_EVENT = tighten(
    f"""
WITH session AS ({_UPSERT_SESSION}), word AS ({_KEEP_WORD}), event AS (
INSERT INTO clicks_pageevent (tenant_id, session_id, name, url, event_id, occurred_at, data, is_buffered)
SELECT tenant_id, id, %(name)s, %(url)s, %(event_id)s,
       coalesce(%(occurred_at)s::timestamptz, statement_timestamp()), %(data)s::jsonb, %(is_buffered)s::boolean
FROM session
ON CONFLICT DO NOTHING RETURNING id)
SELECT public_id, EXISTS (SELECT FROM event) FROM session
"""
)
_RECORD_VISITOR = tighten(
    f"WITH session AS ({_UPSERT_SESSION}), word AS ({_KEEP_WORD}) SELECT public_id, true FROM session"
)
MAX_USER_AGENT = 1000
_CLICK_TEXTS = (
    "url",
    "referrer",
    "fbclid",
    "fbc",
    "fbp",
    "ttclid",
    "gclid",
    "src",
    "sck",
    "xcod",
    "event_id",
)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who did it, as seen from here, and by which way it came to be known."""

    tenant_id: uuid.UUID
    funnel_id: uuid.UUID
    ip: str | None
    user_agent: str
    source: str = Source.API
    link_id: int | None = None
    is_automated: bool = False


@dataclass(frozen=True, slots=True)
class Recorded:
    """The ids to carry on; `click_id` is empty for page events. What was recorded before `is_new` no more."""

    click_id: str
    session_id: str
    is_new: bool = True


def record_click(visitor: Visitor, hit: Hit, occurred_at: datetime | None = None) -> Recorded:
    """Store a click of its own; a `click_id` that the page carries only leads to its session."""
    click_id = _id_of_click(visitor, hit)
    facts: dict[str, Any] = {name: hit.text(name) for name in _CLICK_TEXTS} | {
        "click_id": click_id,
        "click_ref": "" if visitor.is_automated else click_id,
        "utm": json.dumps(hit.utm),
        "correlation_id": current_request_id(),
        "said_by": "click",
        "source": visitor.source,
        "link_id": visitor.link_id,
        "is_automated": visitor.is_automated,
        "sent_at": hit.sent_at,
        "occurred_at": occurred_at,
    }
    session_id, is_new = _write(_RECORD_CLICK, visitor, hit, facts)
    return Recorded(click_id, session_id, is_new)


def record_page_event(
    visitor: Visitor,
    hit: Hit,
    *,
    name: str,
    occurred_at: datetime | None = None,
    note: Callable[[Waiting], None] = note_waiting,
) -> Recorded:
    """Store what happened on a page; it waits in its session to be told to the ad platforms (buffer.py).

    `note` is told of what waits; a caller with a transaction of its own does so once that is committed.
    """
    event_id = hit.text("event_id") or new_id(EVENT_PREFIX)
    facts = {
        "name": name,
        "said_by": name,
        "url": hit.text("url"),
        "event_id": event_id,
        "data": json.dumps(hit.data),
        "is_buffered": not visitor.is_automated,
        "occurred_at": occurred_at,
    }
    recorded = Recorded("", *_write(_RECORD_PAGE_EVENT, visitor, hit, facts))
    if recorded.is_new and facts["is_buffered"]:
        note(Waiting(recorded.session_id, event_id, name, occurred_at or timezone.now()))
    return recorded


def record_visitor(visitor: Visitor, hit: Hit) -> Recorded:
    """Keep who the visitor turned out to be, without an action of theirs."""
    return Recorded("", *_write(_RECORD_VISITOR, visitor, hit, {"said_by": "identify"}))


def _id_of_click(visitor: Visitor, hit: Hit) -> str:
    """Pages repeat what was not answered: the same beacon must be the same click, even at the same instant.

    So its id follows from the beacon, by a secret that keeps it unguessable.
    """
    if not (hit.text("session_id") and hit.text("event_id")):
        return new_id(CLICK_PREFIX)
    beacon = json.dumps([str(visitor.funnel_id), hit.text("session_id"), hit.text("event_id")])
    digest = salted_hmac(__name__, beacon, algorithm="sha256").digest()
    return CLICK_PREFIX + base64.b32hexencode(digest[:15]).decode().lower()


def _write(statement: str, visitor: Visitor, hit: Hit, facts: dict[str, Any]) -> tuple[str, bool]:
    """Run `statement` in the visitor's session, or in a new one when that is not theirs.

    Gives the session's id, and whether the statement stored something that was not there.
    """
    session_id = hit.text("session_id")
    values: dict[str, Any] = {
        "click_ref": hit.text("click_id"),
        "is_buffered": False,
        "fbc": hit.text("fbc"),
        "fbp": hit.text("fbp"),
        **facts,
        "ip": visitor.ip,
        "user_agent": visitor.user_agent[:MAX_USER_AGENT],
        "tenant_id": visitor.tenant_id,
        "funnel_id": visitor.funnel_id,
        "email": next(iter(hit.identity.get("em", [])), ""),
        "phone": next(iter(hit.identity.get("ph", [])), ""),
        "identity": json.dumps(hit.identity),
        "consent": hit.consent_ads,
        "session_id": session_id or new_id(SESSION_PREFIX),
        "carried_click_id": "" if session_id else hit.text("click_id"),
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        if cursor.rowcount == 0:
            cursor.execute(statement, {**values, "session_id": new_id(SESSION_PREFIX), "carried_click_id": ""})
        recorded: tuple[str, bool] = cursor.fetchone()
    return recorded
