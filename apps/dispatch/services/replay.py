"""Send one event again that stands still, on somebody's word."""

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from apps.core.errors import NotPossible
from apps.dispatch.consent import ConsentReason, find_consent_reason
from apps.dispatch.models import CapiEvent, Send, SendStatus
from apps.dispatch.services.park import ask_again
from apps.dispatch.subjects import find_question
from apps.dispatch.words import find_word
from apps.funnels.selectors import published_configs

REPLAYABLE = (SendStatus.DEAD, SendStatus.EXPIRED, SendStatus.PARKED, SendStatus.BLOCKED, SendStatus.RETRYING)


@transaction.atomic
def replay_event(event: CapiEvent) -> int:
    """Make every send of `event` that stands still due now, with the same event_id; how many.

    What was accepted is never sent again. The deadline is checked anew when the send is claimed, and so is consent:
    here only to say at once what would not go out.
    """
    _require_consent(event)
    standing = Send.objects.filter(event=event, status__in=REPLAYABLE)
    ask_again(list(standing.filter(status=SendStatus.PARKED).values_list("destination", flat=True)))
    changed = standing.update(
        status=SendStatus.PENDING,
        reason="replayed",
        failures=0,
        strikes=0,
        due_at=Now(),
        settled_at=None,
        changed_at=Now(),
    )
    if not changed:
        raise NotPossible(
            _("Nothing of this event can be sent again: it was accepted, is on its way, or is excluded by a rule.")
        )
    return changed


def _require_consent(event: CapiEvent) -> None:
    config = published_configs([event.funnel_id])[event.funnel_id]
    reason = find_consent_reason(find_word(find_question(event)).answer, config.unknown_consent)
    if reason is ConsentReason.DENIED:
        raise NotPossible(_("This person refused ads: nothing of theirs is sent. After a new yes it can be replayed."))
    if reason is ConsentReason.UNKNOWN_BLOCKED:
        raise NotPossible(_("Nobody knows whether this person agrees to ads, and this funnel sends only after a yes."))
