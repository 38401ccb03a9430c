"""What a buyer or a visitor said of ads: the latest word of all the sessions that are known to be theirs.

Known are a sale's matched click's session, or the visit it was joined to (of a match that is used: a proposal is nobody
yet); those whose ids the gateway carried through; a visit itself and that of the click it carried; and every session of
the tenant that shares an e-mail's or phone's hash with the sale or with one of these. Of words of one instant the no
counts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import msgspec
from django.db import connection

from apps.dispatch.consent import SILENCE, Word

_FIND = """
SELECT asked.conversion_id, asked.session_id, asked.until, latest.answer, latest.source, latest.at
FROM jsonb_to_recordset(%s::jsonb) AS asked (conversion_id bigint, session_id bigint, until timestamptz)
LEFT JOIN conversions_conversion sale ON sale.id = asked.conversion_id
LEFT JOIN matching_match used ON used.conversion_id = sale.id AND used.is_used
LEFT JOIN clicks_session visit ON visit.id = coalesce(asked.session_id, used.visit_id)
CROSS JOIN LATERAL (SELECT coalesce(sale.tenant_id, visit.tenant_id) AS tenant_id) AS of
CROSS JOIN LATERAL (
    WITH own AS (
        SELECT s.id, s.email_sha256, s.phone_sha256 FROM clicks_session s
        WHERE s.tenant_id = of.tenant_id AND s.id IN (
            SELECT k.session_id FROM clicks_click k WHERE k.id = used.click_id
            UNION ALL
            SELECT k.session_id FROM clicks_click k WHERE sale.click_ref <> '' AND k.public_id = sale.click_ref
            UNION ALL
            SELECT i.id FROM clicks_session i WHERE sale.session_ref <> '' AND i.public_id = sale.session_ref
            UNION ALL
            SELECT visit.id
            UNION ALL
            SELECT k.session_id FROM clicks_click k WHERE visit.click_ref <> '' AND k.public_id = visit.click_ref)
    ), person AS (
        SELECT id FROM own
        UNION
        SELECT s.id FROM (SELECT sale.email_sha256 AS hash UNION SELECT email_sha256 FROM own) AS email
        JOIN clicks_session s ON s.tenant_id = of.tenant_id AND s.email_sha256 = email.hash AND s.email_sha256 <> ''
        UNION
        SELECT s.id FROM (SELECT sale.phone_sha256 AS hash UNION SELECT phone_sha256 FROM own) AS phone
        JOIN clicks_session s ON s.tenant_id = of.tenant_id AND s.phone_sha256 = phone.hash AND s.phone_sha256 <> ''
    )
    SELECT said.answer, said.source, said.at FROM person CROSS JOIN LATERAL (
        SELECT r.consent_ads, r.source, r.given_at FROM clicks_consentrecord r WHERE r.session_id = person.id
        UNION ALL
        SELECT s.consent_ads, '', coalesce(s.consent_at, s.last_seen_at) FROM clicks_session s
        WHERE s.id = person.id AND s.consent_ads IS NOT NULL
    ) AS said (answer, source, at)
    WHERE asked.until IS NULL OR said.at <= asked.until
    ORDER BY said.at DESC, said.answer, said.source DESC LIMIT 1
) AS latest
"""


@dataclass(frozen=True, slots=True)
class Question:
    """About a sale's buyer, a visit, or one who is both: the last word until `until`, or of now."""

    conversion_id: int | None = None
    session_id: int | None = None
    until: datetime | None = None


def find_words(questions: Iterable[Question]) -> dict[Question, Word]:
    """A word for each question, in one statement whatever their number; SILENCE where nothing was said."""
    words = dict.fromkeys(questions, SILENCE)
    if not words:
        return words
    with connection.cursor() as cursor:
        cursor.execute(_FIND, [msgspec.json.encode(list(words)).decode()])
        for conversion_id, session_id, until, answer, source, at in cursor.fetchall():
            words[Question(conversion_id, session_id, until)] = Word(answer, source or None, at)
    return words


def find_word(question: Question) -> Word:
    return find_words([question])[question]


def has_withdrawn(question: Question) -> bool:
    return find_word(question).answer is False
