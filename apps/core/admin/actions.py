"""What support does to selected rows: one audited step a row, each with its own success or its own reason."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django_stubs_ext import StrOrPromise

from apps.core.admin.unfolded import UnfoldAdmin
from apps.core.errors import HubError

MAX_ROWS = 200
_REASONS_SHOWN = 5


def act_on_each(
    model_admin: UnfoldAdmin,
    request: HttpRequest,
    rows: QuerySet[Any],
    act: Callable[[Any], object],
    *,
    done: StrOrPromise,
) -> None:
    """Run `act` on each row, writing `done` into the row's history; a HubError is that row's reason why not."""
    chosen = list(rows[: MAX_ROWS + 1])
    if len(chosen) > MAX_ROWS:
        too_many = _("Nothing was done: select at most %(limit)d rows at a time.") % {"limit": MAX_ROWS}
        messages.error(request, too_many)
        return
    reasons: list[tuple[str, str]] = []
    for row in chosen:
        try:
            with transaction.atomic():
                act(row)
                model_admin.log_change(request, row, str(done))
        except HubError as error:
            reasons.append((str(row), " ".join([str(error.detail), *error.fields.values()])))
    _report(request, done, len(chosen) - len(reasons), reasons)


def _report(request: HttpRequest, done: StrOrPromise, count: int, reasons: list[tuple[str, str]]) -> None:
    if count:
        messages.success(request, _("%(done)s: %(count)d") % {"done": done, "count": count})
    for name, reason in reasons[:_REASONS_SHOWN]:
        messages.warning(request, f"{name}: {reason}")
    if len(reasons) > _REASONS_SHOWN:
        messages.warning(request, _("%(count)d more were left as they are.") % {"count": len(reasons) - _REASONS_SHOWN})
