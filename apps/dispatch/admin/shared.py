"""What the pages of the outbox share."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from apps.core.admin import Lookup, Table, badge, moment, row_link
from apps.dispatch.models import Attempt, Batch, CapiEvent, Send, SendStatus
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


@dataclass(frozen=True, slots=True)
class Alarm:
    """A block of the first page; `lines` are (text, address of the list behind it), `address` leads to all of it."""

    title: str
    hint: str
    lines: Sequence[tuple[str, str]]
    address: str
    is_urgent: bool


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


def outcome_badge(batch: Batch) -> SafeString:
    """A request without an outcome is still out, or its worker died."""
    return badge(batch.outcome or "unknown", colour=OUTCOME_COLOURS.get(batch.outcome, "warning"))


def attempts_table(attempts: Iterable[Attempt]) -> Table:
    """In the order of their start; `batch` and `send__destination` are read of each."""
    return Table(
        title=_("Attempts"),
        headers=(
            *(_("attempt"), _("started at (UTC)"), _("destination"), _("outcome"), _("HTTP status")),
            *(_("code"), _("next step"), _("milliseconds"), _("events in the request")),
        ),
        rows=[_attempt_cells(row) for row in attempts],
    )


def _attempt_cells(row: Attempt) -> Sequence[Any]:
    batch = row.batch
    code = "/".join(str(number) for number in (batch.code, batch.subcode) if number is not None)
    return (
        row_link(row, f"#{row.number}"),
        moment(batch.started_at),
        row_link(row.send.destination),
        outcome_badge(batch),
        batch.http_status,
        code,
        batch.next_step,
        batch.elapsed_ms,
        row_link(batch, str(batch.size)),
    )
