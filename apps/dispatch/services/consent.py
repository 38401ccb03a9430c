"""A withdrawal stops what still waits; what is out is judged when its answer comes (deliver.py).

The sweep looks at the refusals of the last minutes only, whatever waits: a send that it misses is stopped all the same
when it is claimed, because consent is asked there again. What was stopped stays so after a later yes, until a replay.
"""

from django.db import connection, transaction
from django.db.models.functions import Now

from apps.core.log import get_logger
from apps.dispatch.consent import WITHDRAWN
from apps.dispatch.models import CapiEvent, Send, SendStatus
from apps.dispatch.subjects import find_questions
from apps.dispatch.words import find_words

WAITING = (SendStatus.PENDING, SendStatus.RETRYING, SendStatus.PARKED)
# Far longer than a sweep may be late, and short enough to cost little twice a second.
LOOKS_BACK_S = 15 * 60
# Of these only the newest, so that a turn never costs more; the primary key finds them.
NEWEST_WORDS = 20_000
# Events that a recent no may concern: of sales by its own session, by one that shares a hash, or by the buyer's own
# hash; of pages by any of these sessions, or by that of such a sale.
_TOUCHED = """
WITH refusal AS (
    SELECT id, tenant_id, email_sha256, phone_sha256 FROM clicks_session
    WHERE NOT consent_ads AND id IN (
        SELECT session_id FROM clicks_consentrecord
        WHERE NOT consent_ads AND given_at > now() - make_interval(secs => %s)
          AND id > (SELECT max(id) - %s FROM clicks_consentrecord))
), session AS (
    SELECT id FROM refusal
    UNION
    SELECT s.id FROM refusal JOIN clicks_session s ON s.tenant_id = refusal.tenant_id
        AND s.email_sha256 = refusal.email_sha256 AND s.email_sha256 <> ''
    UNION
    SELECT s.id FROM refusal JOIN clicks_session s ON s.tenant_id = refusal.tenant_id
        AND s.phone_sha256 = refusal.phone_sha256 AND s.phone_sha256 <> ''
), sale AS (
    SELECT m.conversion_id AS id FROM session JOIN clicks_click k ON k.session_id = session.id
        JOIN matching_match m ON m.click_id = k.id
    UNION
    SELECT c.id FROM refusal JOIN conversions_conversion c ON c.tenant_id = refusal.tenant_id
        AND c.email_sha256 = refusal.email_sha256 AND c.email_sha256 <> ''
    UNION
    SELECT c.id FROM refusal JOIN conversions_conversion c ON c.tenant_id = refusal.tenant_id
        AND c.phone_sha256 = refusal.phone_sha256 AND c.phone_sha256 <> ''
)
, click AS (
    SELECT k.session_id, k.public_id FROM session JOIN clicks_click k ON k.session_id = session.id
    UNION
    SELECT k.session_id, k.public_id FROM sale JOIN matching_match m ON m.conversion_id = sale.id
        JOIN clicks_click k ON k.id = m.click_id
), visit AS (
    SELECT id FROM session
    UNION
    SELECT session_id FROM click
    UNION
    SELECT s.id FROM click JOIN clicks_session s ON s.click_ref = click.public_id AND s.click_ref <> ''
), event AS (
    SELECT e.id FROM sale JOIN dispatch_capievent e ON e.conversion_id = sale.id
    UNION
    SELECT e.id FROM visit JOIN clicks_pageevent p ON p.session_id = visit.id
        JOIN dispatch_capievent e ON e.page_event_id = p.id
)
SELECT DISTINCT event.id FROM event JOIN dispatch_send w ON w.event_id = event.id AND w.status = ANY(%s)
"""
log = get_logger(__name__)


@transaction.atomic
def cancel_withdrawn() -> int:
    """Block every waiting send of buyers who withdrew; how many. One that somebody holds is left to the next sweep."""
    events = list(CapiEvent.objects.filter(pk__in=_touched_events()).select_related("page_event__session"))
    questions = find_questions(events)
    words = find_words(questions)
    withdrawn = [event for event, asked in zip(events, questions, strict=True) if words[asked].answer is False]
    if not withdrawn:
        return 0
    waiting = Send.objects.filter(event__in=withdrawn, status__in=WAITING).order_by("pk")
    held = list(waiting.select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True))
    blocked: int = Send.objects.filter(pk__in=held).update(
        status=SendStatus.BLOCKED, reason=WITHDRAWN, lease_token=None, settled_at=Now(), changed_at=Now()
    )
    log.info("consent.withdrawn", rows=blocked)
    return blocked


def _touched_events() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(_TOUCHED, [LOOKS_BACK_S, NEWEST_WORDS, [status.value for status in WAITING]])
        return [pk for (pk,) in cursor.fetchall()]
