"""Use-cases of clicks: each is one statement that also opens or renews the session."""

import json
import uuid
from dataclasses import dataclass
from typing import Any

from django.db import connection

from apps.clicks.tracking import Hit
from apps.core.ids import CLICK_PREFIX, SESSION_PREFIX, new_id
from apps.core.log import current_request_id

# A page that remembers only its click stays in that click's session. The last WHERE keeps a session to its own tenant
# and funnel: a foreign one is neither changed nor told of, and the caller opens one of its own instead.
_UPSERT_SESSION = """
    INSERT INTO clicks_session AS s
        (public_id, tenant_id, funnel_id, email_sha256, phone_sha256, identity, consent_ads, consent_at)
    VALUES (coalesce((SELECT known.public_id FROM clicks_click k JOIN clicks_session known ON known.id = k.session_id
                      WHERE k.public_id = %(carried_click_id)s), %(session_id)s),
            %(tenant_id)s, %(funnel_id)s, %(email)s, %(phone)s, %(identity)s::jsonb,
            %(consent)s::boolean, CASE WHEN %(consent)s::boolean IS NULL THEN NULL ELSE now() END)
    ON CONFLICT (public_id) DO UPDATE SET
        last_seen_at = now(),
        email_sha256 = CASE WHEN EXCLUDED.email_sha256 = '' THEN s.email_sha256 ELSE EXCLUDED.email_sha256 END,
        phone_sha256 = CASE WHEN EXCLUDED.phone_sha256 = '' THEN s.phone_sha256 ELSE EXCLUDED.phone_sha256 END,
        identity = s.identity || EXCLUDED.identity,
        consent_ads = coalesce(EXCLUDED.consent_ads, s.consent_ads),
        consent_at = coalesce(EXCLUDED.consent_at, s.consent_at)
    WHERE s.tenant_id = EXCLUDED.tenant_id AND s.funnel_id = EXCLUDED.funnel_id
    RETURNING id, public_id, tenant_id
"""
_RECORD_CLICK = f"""
WITH session AS ({_UPSERT_SESSION})
INSERT INTO clicks_click
    (public_id, tenant_id, funnel_id, session_id, landing_url, referrer, fbclid, fbc, fbp, ttclid, gclid, utm,
     src, sck, xcod, ip, user_agent, consent_ads, event_id, correlation_id)
SELECT %(click_id)s, tenant_id, %(funnel_id)s, id, %(url)s, %(referrer)s, %(fbclid)s, %(fbc)s, %(fbp)s, %(ttclid)s,
       %(gclid)s, %(utm)s::jsonb, %(src)s, %(sck)s, %(xcod)s, %(ip)s::inet, %(user_agent)s, %(consent)s::boolean,
       %(event_id)s, %(correlation_id)s
FROM session
RETURNING (SELECT public_id FROM session)
"""
_RECORD_PAGE_EVENT = f"""
WITH session AS ({_UPSERT_SESSION})
INSERT INTO clicks_pageevent (tenant_id, session_id, name, url, event_id)
SELECT tenant_id, id, %(name)s, %(url)s, %(event_id)s FROM session
RETURNING (SELECT public_id FROM session)
"""
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
    """Who did it, as seen from here."""

    tenant_id: uuid.UUID
    funnel_id: uuid.UUID
    ip: str | None
    user_agent: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """The ids to carry on; `click_id` is empty for page events."""

    click_id: str
    session_id: str


def record_click(visitor: Visitor, hit: Hit) -> Recorded:
    """Store a click of its own; a `click_id` that the page carries only leads to its session."""
    click_id = new_id(CLICK_PREFIX)
    facts: dict[str, Any] = {name: hit.text(name) for name in _CLICK_TEXTS} | {
        "click_id": click_id,
        "utm": json.dumps(hit.utm),
        "ip": visitor.ip,
        "user_agent": visitor.user_agent[:MAX_USER_AGENT],
        "correlation_id": current_request_id(),
    }
    return Recorded(click_id=click_id, session_id=_write(_RECORD_CLICK, visitor, hit, facts))


def record_page_event(visitor: Visitor, hit: Hit, *, name: str) -> Recorded:
    facts = {"name": name, "url": hit.text("url"), "event_id": hit.text("event_id")}
    return Recorded(click_id="", session_id=_write(_RECORD_PAGE_EVENT, visitor, hit, facts))


def _write(statement: str, visitor: Visitor, hit: Hit, facts: dict[str, Any]) -> str:
    """Run `statement` in the visitor's session, or in a new one when that is not theirs; the session's id."""
    session_id = hit.text("session_id")
    values: dict[str, Any] = {
        **facts,
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
        recorded_in: str = cursor.fetchone()[0]
    return recorded_in
