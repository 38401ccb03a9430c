"""What visitors said of ads with events that come late: each word counts from when it was said, not from when it came.

A server may hold an event back for hours. Were its yes dated on arrival, it would undo a no of the meantime.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import msgspec
from django.db import connection

# As for hits, only another word than the one before it is news; before it is by time, from the database or beside it.
_KEEP = """
WITH said AS (
    SELECT s.id, w.answer, w.source, w.at
    FROM jsonb_to_recordset(%(words)s::jsonb) AS w (session_id text, answer boolean, source text, at timestamptz)
    JOIN clicks_session s ON s.public_id = w.session_id AND s.tenant_id = %(tenant_id)s
), news AS (
    INSERT INTO clicks_consentrecord (tenant_id, session_id, consent_ads, source, given_at)
    SELECT %(tenant_id)s, said.id, said.answer, said.source, said.at
    FROM said LEFT JOIN LATERAL (
        SELECT earlier.answer FROM (
            SELECT r.consent_ads, r.given_at FROM clicks_consentrecord r
            WHERE r.session_id = said.id AND r.given_at <= said.at
            UNION ALL
            SELECT s.consent_ads, s.consent_at FROM clicks_session s WHERE s.id = said.id AND s.consent_at <= said.at
            UNION ALL
            SELECT beside.answer, beside.at FROM said AS beside WHERE beside.id = said.id AND beside.at < said.at
        ) AS earlier (answer, at) ORDER BY earlier.at DESC, earlier.answer LIMIT 1
    ) AS before ON true
    WHERE before.answer IS DISTINCT FROM said.answer
    RETURNING session_id, consent_ads, given_at
), latest AS (
    SELECT DISTINCT ON (session_id) session_id, consent_ads, given_at FROM news
    ORDER BY session_id, given_at DESC, consent_ads
)
UPDATE clicks_session s SET consent_ads = latest.consent_ads, consent_at = latest.given_at
FROM latest WHERE s.id = latest.session_id AND latest.given_at >= coalesce(s.consent_at, '-infinity')
"""
_ON_CLICKS = """
UPDATE clicks_click k SET consent_ads = w.answer
FROM jsonb_to_recordset(%s::jsonb) AS w (click_id text, answer boolean) WHERE k.public_id = w.click_id
"""


@dataclass(frozen=True, slots=True)
class LateWord:
    """An answer that came with a recorded event; `click_id` is empty for all but clicks."""

    session_id: str
    answer: bool
    source: str
    at: datetime
    click_id: str = ""


def keep_late_words(tenant_id: uuid.UUID, words: Iterable[LateWord]) -> None:
    """For the transaction that recorded the events, so that nobody sees one without the other."""
    # Of words of one instant the no counts, and it comes last here.
    in_order = sorted(words, key=lambda word: (word.at, not word.answer))
    if not in_order:
        return
    by_moment = {(word.session_id, word.at): word for word in in_order}
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, {"tenant_id": tenant_id, "words": _as_json(_changes(by_moment.values()))})
        if clicked := [word for word in in_order if word.click_id]:
            cursor.execute(_ON_CLICKS, [_as_json(clicked)])


def _changes(words: Iterable[LateWord]) -> list[LateWord]:
    """Without those that repeat what the same session said just before."""
    last: dict[str, bool] = {}
    changed = []
    for word in words:
        if last.get(word.session_id) is not word.answer:
            changed.append(word)
        last[word.session_id] = word.answer
    return changed


def _as_json(words: list[LateWord]) -> str:
    return msgspec.json.encode(words).decode()
