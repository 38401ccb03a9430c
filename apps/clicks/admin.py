"""Sessions, clicks and page events: what the visitors' browsers told."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apps.clicks.domains.services import explain, verify_domain
from apps.clicks.models import (
    Click,
    ConsentRecord,
    EventReceipt,
    Identity,
    PageEvent,
    Person,
    PersonMerge,
    Session,
    TrackingDomain,
    TrackingLink,
)
from apps.clicks.people import undo_merge
from apps.clicks.selectors import clicks_of_meta, merges_of
from apps.core.admin import (
    TECHNICAL,
    AutocompleteFilter,
    Lookup,
    Table,
    act_on_each,
    add_panel,
    column,
    moment,
    row_link,
)
from apps.core.admin.columns import short_hash
from apps.core.admin.panels import ROWS_SHOWN
from apps.core.errors import NotPossible
from apps.core.identity import hash_email, hash_phone
from apps.tenants.admin import ALL_TENANTS, TENANT_FILTER, OwnedRecordAdmin, by_email, by_phone, under

_URL_SHOWN = 80


def _cut(text: str) -> str:
    return text if len(text) <= _URL_SHOWN else f"{text[:_URL_SHOWN]}…"


def _by_hash(path: str = "") -> tuple[Lookup, Lookup]:
    """Whom an e-mail or a phone belongs to: in clear it is hashed and forgotten, a hash is taken as it is."""
    hashers = (("em", hash_email), ("ph", hash_phone))
    tenants, kind, digest = (under(path, name) for name in ("tenant__in", "kind", "digest"))
    email, phone = (Lookup(digest, hasher, {tenants: ALL_TENANTS, kind: word}) for word, hasher in hashers)
    return email, phone


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
        *map(Lookup, ("public_id", "session__public_id")),
        Lookup("id__in", read=clicks_of_meta),
        *(by_email("session"), by_phone("session")),
    )
    search_help_text = _("click id, session id, fbclid, e-mail, phone, or the whole name of the tenant")
    layout = (
        (None, ("public_id", "clicked_at", "tenant", "funnel", "session", "consent_ads")),
        (_("How it came to be known"), ("source", "link", "is_automated", "clock_skew_ms")),
        (_("Where it came from"), ("landing_url", "referrer", "ip", "user_agent")),
        (_("What it carries"), ("fbclid", "fbc", "fbp", "ttclid", "gclid", "event_id", "src", "sck", "xcod")),
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
    lookups = (Lookup("public_id"), Lookup("clicks__public_id"), Lookup("person__public_id"), by_email(), by_phone())
    search_help_text = _("session id, click id, person id, e-mail or phone")

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


@admin.register(Person)
class PersonAdmin(OwnedRecordAdmin):
    """Whom the hub takes visitors for. A merge is taken back on its own page."""

    list_display = ("public_id", "created_at", "tenant", "merged_into")
    list_select_related = ("tenant", "merged_into")
    searches_tenants = False
    lookups = (Lookup("public_id"), Lookup("sessions__public_id"), *_by_hash("identities"))
    search_help_text = _("person id, session id, e-mail or phone")

    def search_text(self, row: Person) -> str:
        return row.public_id


@column(_("digest"))
def digest(identity: Identity) -> str:
    return short_hash(identity.digest)


@admin.register(Identity)
class IdentityAdmin(OwnedRecordAdmin):
    """Hashes by which people are known, as much of them as tells two apart."""

    list_display = ("kind", digest, "first_seen_at", "tenant", "person")
    list_select_related = ("tenant", "person")
    searches_tenants = False
    lookups = (Lookup("person__public_id"), *_by_hash())
    search_help_text = _("person id, e-mail or phone")
    layout = ((None, ("id", "kind", digest, "person", "tenant", "first_seen_at")),)


@admin.register(PersonMerge)
class PersonMergeAdmin(OwnedRecordAdmin):
    """Which people turned out to be one, why, and who took it back."""

    list_display = ("id", "merged_at", "tenant", "kept", "merged", "identity", "undone_at", "undone_by")
    list_select_related = ("tenant", "kept", "merged", "identity")
    searches_tenants = False
    lookups = (Lookup("kept__public_id"), Lookup("merged__public_id"))
    search_help_text = _("person id")
    actions = ("undo",)
    page_actions = ("undo",)

    def has_undo_permission(self, request: HttpRequest) -> bool:
        return self.may_act(request)

    def search_text(self, row: PersonMerge) -> str:
        return row.merged.public_id

    @admin.action(description=_("Undo the merge"), permissions=["undo"])
    def undo(self, request: HttpRequest, queryset: QuerySet[PersonMerge]) -> None:
        actor = request.user.get_username()
        act_on_each(self, request, queryset, lambda merge: undo_merge(merge.pk, actor), done=_("Merge undone"))


@admin.register(ConsentRecord)
class ConsentRecordAdmin(OwnedRecordAdmin):
    """What visitors said of ads, word by word."""

    list_display = ("given_at", "consent_ads", "source", "tenant", "session")
    list_select_related = ("tenant", "session")
    searches_tenants = False
    lookups = (Lookup("session__public_id"), by_email("session"))
    search_help_text = _("session id or e-mail")


@admin.register(EventReceipt)
class EventReceiptAdmin(OwnedRecordAdmin):
    """Which events of batches were recorded lately, and what their senders were told."""

    list_display = ("event_id", "received_at", "tenant", "session_id", "click_id")
    list_select_related = ("tenant",)
    searches_tenants = False
    lookups = (Lookup("event_id", leading={"tenant__in": ALL_TENANTS}),)
    search_help_text = _("event id")


@admin.register(TrackingLink)
class TrackingLinkAdmin(OwnedRecordAdmin):
    """Redirect links; customers make and change them over the API."""

    list_display = ("key", "name", "tenant", "funnel", "destination", "is_active", "created_at")
    list_select_related = ("tenant", "funnel")
    list_filter = (TENANT_FILTER, "is_active")
    lookups = (Lookup("key"),)
    search_help_text = _("the key in the address, or the whole name of the tenant")

    def search_text(self, row: TrackingLink) -> str:
        return row.key


@admin.register(TrackingDomain)
class TrackingDomainAdmin(OwnedRecordAdmin):
    """Customers' hosts; they add and remove them over the API. The proof's value is not for anybody else to see."""

    list_display = ("host", "tenant", "proven_at", "missing_since", "checked_at", "created_at")
    list_select_related = ("tenant",)
    list_filter = (TENANT_FILTER, ("proven_at", admin.EmptyFieldListFilter))
    lookups = (Lookup("host"),)
    search_help_text = _("the host, or the whole name of the tenant")
    never_shown = frozenset({"token"})
    actions = ("verify",)
    page_actions = ("verify",)

    def has_verify_permission(self, request: HttpRequest) -> bool:
        return self.may_act(request)

    def search_text(self, row: TrackingDomain) -> str:
        return row.host

    @admin.action(description=_("Ask the DNS for the proof"), permissions=["verify"])
    def verify(self, request: HttpRequest, queryset: QuerySet[TrackingDomain]) -> None:
        act_on_each(self, request, queryset, _verify, done=_("Asked for the proof"))


def _verify(domain: TrackingDomain) -> None:
    if problem := explain(domain, verify_domain(domain)):
        raise NotPossible(problem)


@add_panel(Person, shows=Identity)
def show_identities(person: Person) -> Table:
    rows = person.identities.order_by("-pk")[:ROWS_SHOWN]
    return Table(
        title=_("Identities"),
        headers=(_("kind"), _("digest"), _("first seen at")),
        rows=[(row.kind, row_link(row, short_hash(row.digest)), moment(row.first_seen_at)) for row in rows],
    )


@add_panel(Person, shows=Session)
def show_sessions(person: Person) -> Table:
    rows = person.sessions.order_by("-pk")[:ROWS_SHOWN]
    return Table(
        title=_("Sessions"),
        headers=(_("session"), _("first seen at"), _("last seen at")),
        rows=[(row_link(row), moment(row.first_seen_at), moment(row.last_seen_at)) for row in rows],
    )


@add_panel(Person, shows=PersonMerge)
def show_merges(person: Person) -> Table:
    return Table(
        title=_("Merges"),
        headers=(_("merge"), _("kept"), _("merged"), _("merged at"), _("undone at"), _("undone by")),
        rows=[
            (
                *(row_link(row, str(row.pk)), row_link(row.kept), row_link(row.merged)),
                *(moment(row.merged_at), moment(row.undone_at), row.undone_by),
            )
            for row in merges_of(person)[:ROWS_SHOWN]
        ],
    )


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
    newest = events.order_by("-pk")[:ROWS_SHOWN]
    return Table(
        title=_("Pages of this session"),
        headers=(_("page event"), _("occurred at"), _("address")),
        rows=[(row_link(row, row.name), moment(row.occurred_at), _cut(row.url)) for row in newest],
    )
