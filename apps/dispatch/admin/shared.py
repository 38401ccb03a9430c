"""What the pages of the outbox share."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from apps.core.admin import Lookup, Table, badge, moment, row_link
from apps.dispatch.models import Attempt, CapiEvent, Send, SendStatus
from apps.dispatch.verdict import Outcome
from apps.tenants.admin import ALL_TENANTS, under

STATUS_COLOURS: dict[str, str] = {
    SendStatus.DEAD: "danger",
    SendStatus.EXPIRED: "danger",
    SendStatus.PARKED: "warning",
    SendStatus.RETRYING: "warning",
    SendStatus.SENDING: "info",
    SendStatus.PENDING: "info",
    SendStatus.ACCEPTED: "success",
}
OUTCOME_COLOURS: dict[str, str] = {
    "": "info",
    **dict.fromkeys(Outcome, "warning"),
    Outcome.ACCEPTED: "success",
    Outcome.PERMANENT: "danger",
    Outcome.EXPIRED: "danger",
}


def by_event_id(path: str = "") -> Lookup:
    return Lookup(under(path, "event_id"), leading={under(path, "tenant__in"): ALL_TENANTS})


def link_source(event: CapiEvent) -> SafeString | str:
    """To the order that the event tells of, or to the visit."""
    if event.conversion:
        return row_link(event.conversion, event.conversion.order_id)
    return row_link(event.page_event.session if event.page_event else None)


def status_badge(send: Send) -> SafeString:
    colour = STATUS_COLOURS.get(SendStatus(send.status), "")
    return badge(send.status, send.get_status_display(), colour=colour)


def outcome_badge(attempt: Attempt) -> SafeString:
    """An attempt without an outcome is still out, or its worker died."""
    return badge(attempt.outcome or "unknown", colour=OUTCOME_COLOURS.get(attempt.outcome, "warning"))


def attempts_table(attempts: Iterable[Attempt]) -> Table:
    """In the order of their start; `send__destination` is read of each."""
    return Table(
        title=_("Attempts"),
        headers=(
            *(_("attempt"), _("started at (UTC)"), _("destination"), _("outcome"), _("HTTP status")),
            *(_("code"), _("next step"), _("milliseconds")),
        ),
        rows=[_attempt_cells(row) for row in attempts],
    )


def _attempt_cells(row: Attempt) -> Sequence[Any]:
    code = "/".join(str(number) for number in (row.code, row.subcode) if number is not None)
    return (
        row_link(row, f"#{row.number}"),
        moment(row.started_at),
        row_link(row.send.destination),
        outcome_badge(row),
        row.http_status,
        code,
        row.next_step,
        row.elapsed_ms,
    )
