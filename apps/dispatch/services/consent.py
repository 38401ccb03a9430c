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
# hash; of pages by any of these sessions, or by that of such a sale. Each step is a look-up by an index for each row of
# the step before; OFFSET 0 keeps the planner from joining whole tables, since it cannot know how few rows there are.
_TOUCHED = """
WITH refusal AS MATERIALIZED (
    SELECT id, tenant_id, email_sha256, phone_sha256 FROM clicks_session
    WHERE NOT consent_ads AND id IN (
        SELECT session_id FROM clicks_consentrecord
        WHERE NOT consent_ads AND given_at > now() - make_interval(secs => %s)
          AND id > (SELECT max(id) - %s FROM clicks_consentrecord))
), session AS MATERIALIZED (
    SELECT id FROM refusal
    UNION
    SELECT s.id FROM refusal CROSS JOIN LATERAL (
        SELECT id FROM clicks_session WHERE tenant_id = refusal.tenant_id
            AND email_sha256 = refusal.email_sha256 AND email_sha256 <> '' OFFSET 0) AS s
    UNION
    SELECT s.id FROM refusal CROSS JOIN LATERAL (
        SELECT id FROM clicks_session WHERE tenant_id = refusal.tenant_id
            AND phone_sha256 = refusal.phone_sha256 AND phone_sha256 <> '' OFFSET 0) AS s
), own_click AS MATERIALIZED (
    SELECT k.* FROM session CROSS JOIN LATERAL (
        SELECT id, session_id, public_id FROM clicks_click WHERE session_id = session.id OFFSET 0) AS k
), sale AS MATERIALIZED (
    SELECT m.id FROM own_click CROSS JOIN LATERAL (
        SELECT conversion_id AS id FROM matching_match WHERE click_id = own_click.id AND is_used OFFSET 0) AS m
    UNION
    SELECT c.id FROM refusal CROSS JOIN LATERAL (
        SELECT id FROM conversions_conversion WHERE tenant_id = refusal.tenant_id
            AND email_sha256 = refusal.email_sha256 AND email_sha256 <> '' OFFSET 0) AS c
    UNION
    SELECT c.id FROM refusal CROSS JOIN LATERAL (
        SELECT id FROM conversions_conversion WHERE tenant_id = refusal.tenant_id
            AND phone_sha256 = refusal.phone_sha256 AND phone_sha256 <> '' OFFSET 0) AS c
), click AS MATERIALIZED (
    SELECT session_id, public_id FROM own_click
    UNION
    SELECT k.* FROM sale CROSS JOIN LATERAL (
        SELECT session_id, public_id FROM clicks_click
        WHERE id = (SELECT click_id FROM matching_match WHERE conversion_id = sale.id AND is_used) OFFSET 0) AS k
), visit AS MATERIALIZED (
    SELECT id FROM session
    UNION
    SELECT session_id FROM click
    UNION
    SELECT s.id FROM click CROSS JOIN LATERAL (
        SELECT id FROM clicks_session WHERE click_ref = click.public_id AND click_ref <> '' OFFSET 0) AS s
), event AS MATERIALIZED (
    SELECT e.id FROM sale CROSS JOIN LATERAL (
        SELECT id FROM dispatch_capievent WHERE conversion_id = sale.id OFFSET 0) AS e
    UNION
    SELECT e.id FROM visit CROSS JOIN LATERAL (
        SELECT id FROM clicks_pageevent WHERE session_id = visit.id OFFSET 0) AS p CROSS JOIN LATERAL (
        SELECT id FROM dispatch_capievent WHERE page_event_id = p.id OFFSET 0) AS e
)
SELECT DISTINCT event.id FROM event CROSS JOIN LATERAL (
    SELECT FROM dispatch_send WHERE event_id = event.id AND status = ANY(%s) OFFSET 0) AS w
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
        status=SendStatus.BLOCKED, reason=WITHDRAWN, batch=None, settled_at=Now(), changed_at=Now()
    )
    log.info("consent.withdrawn", rows=blocked)
    return blocked


def _touched_events() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(_TOUCHED, [LOOKS_BACK_S, NEWEST_WORDS, [status.value for status in WAITING]])
        return [pk for (pk,) in cursor.fetchall()]
