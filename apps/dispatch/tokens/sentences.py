"""What is known of a token, for a person, in the reader's language."""

from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from apps.dispatch.models import TokenCheck
from apps.dispatch.registry import TOKEN_KEEPERS
from apps.dispatch.tokens.rules import ALARM_BEFORE, earliest
from apps.dispatch.tokens.services import UNCHECKED

State = TokenCheck.State


def explain_token(check: TokenCheck | None, platform: str) -> str:
    """In one or two sentences; `check` is the one of the token that is saved now, None if there is none."""
    if platform not in TOKEN_KEEPERS:
        return _(
            "This platform does not tell when a token ends. Should it stop working, the next event notices, and all "
            "of them wait for a new one."
        )
    if check is None or check.problem == UNCHECKED:
        return _("The token has not been checked yet: that happens within a few minutes.")
    if check.state == State.INVALID:
        return _("The token does not work any more. Save a new one, and everything that waits goes out by itself.")
    if check.state == State.NEVER:
        return _("The token does not end by itself.")
    if check.state == State.EXPIRES:
        return _explain_end(earliest(check.expires_at, check.data_access_expires_at))
    return _(
        "The platform does not tell when this token ends. Should it stop working, the next event notices, and all of "
        "them wait for a new one."
    )


def _explain_end(end: datetime | None) -> str:
    left = end - timezone.now() if end else ALARM_BEFORE
    date = {"date": f"{end:%Y-%m-%d %H:%M} UTC" if end else ""}
    if left.total_seconds() <= 0:
        return _("The token's time ran out on %(date)s. Save a new one.") % date
    if left < ALARM_BEFORE:
        return _("The token ends on %(date)s, in less than a day. Save a new one before that.") % date
    return _("The token ends on %(date)s.") % date
