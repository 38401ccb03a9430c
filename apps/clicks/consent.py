"""A visitor's word on ads, said outside of any hit: the page's banner, a preference centre, a "do not sell" link.

Every word is kept (ConsentRecord); the session carries the latest. The database's clock orders them, so a word that
waited behind a later one does not undo it.
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection

from apps.clicks.services import NEXT_ID
from apps.clicks.tracking import TEXT_LIMITS, TrackingError
from apps.gateways.tracking import keep_tracking

UNNAMED_SOURCE = "api"
_SOURCE = re.compile(r"[A-Za-z0-9_.-]{1,30}")
# A word may come before the first hit, so an unknown session is opened under the id that the page brought. An unknown
# click opens none: nobody would carry that session's id. Somebody else's session is left alone. A page that goes on
# sending the id of an ended session means the visitor's latest.
_RECORD = f"""
WITH RECURSIVE wanted AS (
    SELECT coalesce(nullif(%(session_id)s::text, ''),
                    (SELECT known.public_id FROM clicks_click k JOIN clicks_session known ON known.id = k.session_id
                     WHERE k.public_id = %(click_id)s)) AS public_id),
chain AS (
    SELECT s.id, s.public_id, 1 AS link FROM clicks_session s JOIN wanted USING (public_id)
    WHERE s.tenant_id = %(tenant_id)s AND s.funnel_id = %(funnel_id)s
    UNION ALL
    SELECT s.id, s.public_id, chain.link + 1
    FROM chain JOIN clicks_session s ON s.public_id = {NEXT_ID.format("chain")}
    WHERE s.tenant_id = %(tenant_id)s AND s.funnel_id = %(funnel_id)s),
session AS (
    INSERT INTO clicks_session AS s (public_id, tenant_id, funnel_id, identity, consent_ads, consent_at)
    SELECT coalesce((SELECT public_id FROM chain ORDER BY link DESC LIMIT 1), wanted.public_id),
           %(tenant_id)s, %(funnel_id)s, '{{}}'::jsonb, %(consent_ads)s::boolean, statement_timestamp()
    FROM wanted WHERE wanted.public_id IS NOT NULL
    ON CONFLICT (public_id) DO UPDATE SET
        consent_ads = CASE WHEN EXCLUDED.consent_at >= coalesce(s.consent_at, '-infinity')
                           THEN EXCLUDED.consent_ads ELSE s.consent_ads END,
        consent_at = greatest(EXCLUDED.consent_at, s.consent_at)
    WHERE s.tenant_id = EXCLUDED.tenant_id AND s.funnel_id = EXCLUDED.funnel_id
    RETURNING id, tenant_id)
INSERT INTO clicks_consentrecord (tenant_id, session_id, consent_ads, source, given_at)
SELECT tenant_id, id, %(consent_ads)s::boolean, %(source)s, statement_timestamp() FROM session
"""  # noqa: S608 - composed of constants; every value is a parameter


@dataclass(frozen=True, slots=True)
class ConsentWord:
    """What a visitor said and where it was said; the session is named by its own id or by a click of it."""

    public_key: str
    session_id: str
    click_id: str
    consent_ads: bool
    source: str


def read_word(body: object) -> ConsentWord:
    """A ConsentWord from a decoded body; raises TrackingError. Silence is no word, so null is not accepted."""
    if not isinstance(body, Mapping):
        raise TrackingError({"body": "not_an_object"})
    names = ("public_key", "session_id", "click_id")
    problems = {name: problem for name in names if (problem := _problem(name, body.get(name)))}
    if not body.get("public_key"):
        problems["public_key"] = "required"
    if not (body.get("session_id") or body.get("click_id")):
        problems["session_id"] = "required"
    if not isinstance(body.get("consent_ads"), bool):
        problems["consent_ads"] = "not_an_answer"
    source = body.get("source") or UNNAMED_SOURCE
    if not isinstance(source, str) or not _SOURCE.fullmatch(source):
        problems["source"] = "not_a_word"
    if problems:
        raise TrackingError(problems)
    ids = {name: body.get(name) or "" for name in names}
    return ConsentWord(**ids, consent_ads=body["consent_ads"], source=source)


def _problem(name: str, value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or "\x00" in value:
        return "not_text"
    if not keep_tracking({name: value}):
        return "not_a_word"
    return "too_long" if len(value) > TEXT_LIMITS[name] else None


def record_consent(word: ConsentWord, *, tenant_id: uuid.UUID, funnel_id: uuid.UUID) -> bool:
    """Keep the word; False when its session is nobody's or somebody else's, and nothing was kept."""
    values: dict[str, Any] = {
        "tenant_id": tenant_id,
        "funnel_id": funnel_id,
        "session_id": word.session_id,
        "click_id": word.click_id,
        "consent_ads": word.consent_ads,
        "source": word.source,
    }
    with connection.cursor() as cursor:
        cursor.execute(_RECORD, values)
        return bool(cursor.rowcount)
