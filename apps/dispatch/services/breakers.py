"""A person has a destination sent to again before its breaker would."""

from dataclasses import replace

from django.db import transaction
from django.utils.translation import gettext as _

from apps.core.db import database_now
from apps.core.errors import NotPossible
from apps.core.log import get_logger
from apps.dispatch import breaker as rules
from apps.dispatch.breaker import Condition, State
from apps.dispatch.models import Breaker, BreakerChange
from apps.dispatch.services.admission import condition_of, forget_wait
from apps.dispatch.services.park import ask_again
from apps.dispatch.services.targets import top_of

BY_HAND = "closed_by_hand"
"""The reason of a BreakerChange that a person made."""
log = get_logger(__name__)


@transaction.atomic
def close_breaker(breaker: Breaker) -> None:
    """As if a probe had got through, and its pause were over: sending goes on gently. What is parked is asked again.

    Raises NotPossible when nothing keeps the destination from being sent to. Its platform's own breaker stays as it is.
    """
    own = Breaker.objects.select_for_update(of=("self",)).select_related("destination").get(pk=breaker.pk)
    before = condition_of(own)
    is_waiting = before.state is not State.CLOSED or before.wait_until(database_now()) is not None
    if not is_waiting and not own.parked_reason:
        raise NotPossible(_("This destination is being sent to: nothing is in the way."))
    if is_waiting:
        _close(own, before)
    ask_again([own.destination_id])


def _close(own: Breaker, before: Condition) -> None:
    after = replace(before, paused_until=None)
    if before.state is not State.CLOSED:
        after = rules.succeed(after, top_of(own.destination))
    own.state, own.failures, own.openings, own.reason = after.state, after.failures, after.openings, after.reason
    own.retry_at, own.paused_until, own.width, own.allowance = None, None, after.width, after.allowance
    own.changed_at = database_now()
    own.save()
    BreakerChange.objects.create(destination_id=own.destination_id, what=State.CLOSED, reason=BY_HAND)
    log.warning("breaker.closed_by_hand", destination_id=str(own.destination_id))
    transaction.on_commit(lambda: forget_wait(own.destination_id))
