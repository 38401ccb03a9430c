"""What the stand-in platform received. Its tokens' fingerprints are not shown here."""

from typing import ClassVar

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from apps.core.admin import TECHNICAL, Colours, Lookup, RecordAdmin, Table, add_panel, badge, column, row_link
from apps.core.admin.panels import ROWS_SHOWN
from apps.sandbox.models import FaultScript, FirstReceipt, ReceivedEvent, ReceivedRequest, Verdict

VERDICT_COLOURS: dict[str, str] = {Verdict.ACCEPTED: "success", Verdict.DUPLICATE: "warning", Verdict.REFUSED: "danger"}


@column(_("digest"))
def short_digest(receipt: FirstReceipt) -> str:
    return str(receipt)


@admin.register(ReceivedRequest)
class ReceivedRequestAdmin(RecordAdmin):
    """Requests and the answers they got."""

    list_display = (
        *("id", "received_at", "platform", "pixel_id", "version", "status", "error_code", "error_where"),
        "events_count",
    )
    lookups = (Lookup("pixel_id"),)
    search_help_text = _("the pixel's id")
    never_shown = frozenset({"token_fingerprint"})


@admin.register(ReceivedEvent)
class ReceivedEventAdmin(RecordAdmin):
    """Events as they were sent."""

    list_display = ("id", "received_at", "pixel_id", "event_name", "verdict", "event_id")
    list_select_related = ("request",)
    list_filter = ("verdict",)
    lookups = (Lookup("event_id"), Lookup("pixel_id"))
    search_help_text = _("the event id or the pixel's id")
    colours: ClassVar[Colours] = {"verdict": VERDICT_COLOURS}


@admin.register(FirstReceipt)
class FirstReceiptAdmin(RecordAdmin):
    """When the first copy of an event came."""

    list_display = (short_digest, "received_at")
    layout = ((None, (short_digest, "received_at")),)
    ordering = ("-received_at",)
    search_fields = ()


@admin.register(FaultScript)
class FaultScriptAdmin(RecordAdmin):
    """The faults that the stand-in plays right now; none, and it is well."""

    list_display = ("id", "started_at", "script")
    layout = ((None, ("started_at", "script", "seen")), (TECHNICAL, ("id",)))


@add_panel(ReceivedRequest, shows=ReceivedEvent)
def show_events(request: ReceivedRequest) -> Table:
    return Table(
        title=_("Events of this request"),
        headers=(_("event"), _("event name"), _("event id"), _("verdict")),
        rows=[
            (
                row_link(row),
                row.event_name,
                row.event_id,
                badge(row.verdict, row.get_verdict_display(), colour=VERDICT_COLOURS[Verdict(row.verdict)]),
            )
            for row in request.events.order_by("pk")[:ROWS_SHOWN]
        ],
    )
