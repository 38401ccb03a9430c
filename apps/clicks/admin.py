"""Sessions, clicks and page events: what the visitors' browsers told."""

from django.contrib import admin
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from apps.clicks.models import Click, PageEvent, Session
from apps.core.admin import TECHNICAL, AutocompleteFilter, Lookup, Table, add_panel, column, moment, row_link
from apps.core.admin.panels import ROWS_SHOWN
from apps.tenants.admin import TENANT_FILTER, OwnedRecordAdmin, by_email, by_phone

_URL_SHOWN = 80


def _cut(text: str) -> str:
    return text if len(text) <= _URL_SHOWN else f"{text[:_URL_SHOWN]}…"


@column(_("campaign"))
def campaign(click: Click) -> str:
    return str(click.utm.get("utm_campaign", ""))


@column(_("landing page"))
def landing_page(click: Click) -> str:
    return _cut(click.landing_url)


@column(_("address"))
def page_address(event: PageEvent) -> str:
    return _cut(event.url)


@admin.register(Click)
class ClickAdmin(OwnedRecordAdmin):
    """Arrivals from ads, every value as the browser gave it."""

    list_display = ("public_id", "clicked_at", "tenant", "funnel", "session", campaign, landing_page, "consent_ads")
    list_select_related = ("tenant", "funnel", "session")
    list_filter = (TENANT_FILTER, ("funnel", AutocompleteFilter))
    lookups = (
        Lookup("public_id"),
        Lookup("session__public_id"),
        Lookup("fbclid"),
        by_email("session"),
        by_phone("session"),
    )
    search_help_text = _("click id, session id, fbclid, e-mail, phone, or the whole name of the tenant")
    layout = (
        (None, ("public_id", "clicked_at", "tenant", "funnel", "session", "consent_ads")),
        (_("Where it came from"), ("landing_url", "referrer", "ip", "user_agent")),
        (
            _("What it carries"),
            ("fbclid", "fbc", "fbp", "ttclid", "gclid", "event_id", "src", "sck", "xcod"),
        ),
        (TECHNICAL, ("id", "correlation_id")),
    )

    def search_text(self, row: Click) -> str:
        return row.public_id


@admin.register(Session)
class SessionAdmin(OwnedRecordAdmin):
    """Visitors' stretches of activity. No index orders them by tenant, so they are found by what they hold."""

    list_display = (
        *("public_id", "first_seen_at", "last_seen_at", "tenant", "funnel"),
        *("email_sha256", "phone_sha256", "consent_ads"),
    )
    list_select_related = ("tenant", "funnel")
    searches_tenants = False
    lookups = (Lookup("public_id"), Lookup("clicks__public_id"), by_email(), by_phone())
    search_help_text = _("session id, click id, e-mail or phone")

    def search_text(self, row: Session) -> str:
        return row.public_id


@admin.register(PageEvent)
class PageEventAdmin(OwnedRecordAdmin):
    """Page views and started checkouts; found by their session."""

    list_display = ("name", "occurred_at", "tenant", "session", page_address)
    list_select_related = ("tenant", "session")
    searches_tenants = False
    lookups = (Lookup("session__public_id"), Lookup("session__clicks__public_id"), by_email("session"))
    search_help_text = _("session id, click id or e-mail")


@add_panel(Session, shows=Click)
def show_clicks(session: Session) -> Table:
    clicks = session.clicks.order_by("-pk")[:ROWS_SHOWN]
    return Table(
        title=_("Clicks"),
        headers=(_("click"), _("clicked at"), _("landing page")),
        rows=[(row_link(row), moment(row.clicked_at), _cut(row.landing_url)) for row in clicks],
    )


@add_panel(Session, shows=PageEvent)
def show_page_events(session: Session) -> Table:
    return _page_events(session.page_events.all())


@add_panel(Click, shows=PageEvent)
def show_events_around(click: Click) -> Table:
    return _page_events(click.session.page_events.all())


def _page_events(events: QuerySet[PageEvent]) -> Table:
    return Table(
        title=_("Pages of this session"),
        headers=(_("page event"), _("occurred at"), _("address")),
        rows=[
            (row_link(row, row.name), moment(row.occurred_at), _cut(row.url))
            for row in events.order_by("-pk")[:ROWS_SHOWN]
        ],
    )
