"""Decide on matches that wait for a person: by that person, or by the funnel's rule when the time has run out.

Whoever decides holds the sale and then its match, in this order, as matching does. Afterwards the sale is due for
matching at once: the flow finds the decision there, lets the waiting sends go, and learns who the visitor was.
"""

from collections.abc import Mapping

from django.db import transaction
from django.utils.translation import gettext as _

from apps.clicks.models import Click
from apps.conversions.models import Conversion
from apps.conversions.services import hasten_matching
from apps.core.errors import BadInput, NotPossible
from apps.core.log import get_logger
from apps.funnels.selectors import published_configs
from apps.matching.models import Match, MatchReview, ReviewState
from apps.matching.selectors import overdue_reviews
from apps.matching.signals import CHOSEN_BY_PERSON

OVERDUE_BATCH = 200
MAX_NOTE = 500
_WRITTEN = ["click", "rule", "confidence", "review", "is_used"]
log = get_logger(__name__)


@transaction.atomic
def accept_match(match: Match, *, actor: str, note: str = "") -> Match:
    """Use the proposed click. Raises NotPossible when the match does not wait for a person (any more)."""
    waiting = _lock(match)
    return _decide(waiting, ReviewState.ACCEPTED, waiting.click, actor, note)


@transaction.atomic
def reject_match(match: Match, *, actor: str, note: str = "") -> Match:
    """Use no click; the proposal stays to be seen. Raises NotPossible as above."""
    return _decide(_lock(match), ReviewState.REJECTED, None, actor, note)


@transaction.atomic
def choose_click(match: Match, click_id: str, *, actor: str, note: str = "") -> Match:
    """Use this one of the match's candidates, with the score that it had; to choose the proposal is to accept it.

    Raises NotPossible as above, and BadInput for a click that is not among the candidates, or was erased since.
    """
    waiting = _lock(match)
    scores: Mapping[str, float] = {item["click_id"]: item["score"] for item in waiting.evidence}
    click = Click.objects.filter(tenant=waiting.tenant_id, public_id=click_id).first() if click_id in scores else None
    if click is None:
        raise BadInput(
            _("Choose one of the clicks that the match's evidence names."),
            fields={"click_id": _("This click is not among the candidates.")},
        )
    if click.pk == waiting.click_id:
        return _decide(waiting, ReviewState.ACCEPTED, click, actor, note)
    return _decide(waiting, ReviewState.CHOSEN, click, actor, note, score=scores[click_id])


def _lock(match: Match) -> Match:
    """The match as it is by now, locked until the caller's transaction ends."""
    Conversion.objects.select_for_update().values_list("pk").get(pk=match.conversion_id)
    found: Match = Match.objects.select_related("click").select_for_update(of=("self",)).get(pk=match.pk)
    if found.review == ReviewState.PENDING:
        return found
    if not found.review:
        raise NotPossible(_("This match waits for nobody: it was decided by the rules alone."))
    state = str(found.get_review_display())
    raise NotPossible(_("This match has been decided already: %(state)s. Nothing was changed.") % {"state": state})


def _decide(
    match: Match, outcome: ReviewState, click: Click | None, actor: str, note: str, *, score: float | None = None
) -> Match:
    review = _new_review(match, outcome, click, actor=actor, note=_checked(note))
    match.review, match.is_used = outcome, click is not None
    if score is not None:
        match.click, match.rule, match.confidence = click, CHOSEN_BY_PERSON, score
    match.save(update_fields=_WRITTEN)
    review.save()
    hasten_matching([match.conversion_id])
    log.info("review.decided", outcome=outcome.value, match_id=match.pk)
    return match


def _checked(note: str) -> str:
    if len(note) > MAX_NOTE or "\x00" in note:
        raise BadInput(
            _("Correct the note and send it again."),
            fields={"note": _("At most %(limit)d characters, without NUL.") % {"limit": MAX_NOTE}},
        )
    return note


def _new_review(match: Match, outcome: ReviewState, click: Click | None, *, actor: str, note: str = "") -> MatchReview:
    """With the confidence of the proposal: what was thought of it before anybody looked."""
    return MatchReview(
        tenant_id=match.tenant_id,
        match=match,
        outcome=outcome,
        proposed_id=match.click_id,
        click=click,
        confidence=match.confidence,
        actor=actor[:200],
        note=note,
    )


@transaction.atomic
def close_overdue_reviews(limit: int = OVERDUE_BATCH) -> int:
    """Apply each funnel's rule to what nobody decided on in time; how many. What somebody holds is passed over."""
    rows = overdue_reviews().select_related("conversion", "click").order_by("review_due_at")
    overdue = list(rows.select_for_update(skip_locked=True, of=("self", "conversion"))[:limit])
    if not overdue:
        return 0
    configs = published_configs(match.conversion.funnel_id for match in overdue)
    for match in overdue:
        config = configs.get(match.conversion.funnel_id)
        match.is_used = config is not None and config.review_timeout == "accept"
        match.review = ReviewState.TIMED_OUT
    Match.objects.bulk_update(overdue, ["is_used", "review"])
    MatchReview.objects.bulk_create(
        _new_review(match, ReviewState.TIMED_OUT, match.click if match.is_used else None, actor="") for match in overdue
    )
    hasten_matching(match.conversion_id for match in overdue)
    log.info("review.timed_out", rows=len(overdue))
    return len(overdue)
