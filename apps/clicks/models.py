"""Clicks, sessions and page events, written by one statement each (services.py).

A visitor's e-mail and phone are kept as hashes on the session: `identity` holds every hash by Meta's key,
`email_sha256` and `phone_sha256` are the ones that matching looks up.
"""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from apps.core.ids import new_id
from apps.funnels.models import Funnel
from apps.tenants.models import TenantOwned


def new_link_key() -> str:
    return new_id("l", length=10)


def new_proof() -> str:
    return new_id("", length=32)


class Network(models.Func):
    """The network that an address is compared by: an IPv4 address itself, of IPv6 the /64 that a home or phone has."""

    template = "set_masklen(%(expressions)s, CASE family(%(expressions)s) WHEN 6 THEN 64 ELSE 32 END)::cidr"
    output_field = models.GenericIPAddressField()


class Digest(models.Func):
    """A number that stands for a text: PostgreSQL's 64-bit hash."""

    template = "hashtextextended(%(expressions)s, 0)"
    output_field = models.BigIntegerField()


def _told_by_people(column: str) -> models.Q:
    return ~models.Q((column, "")) & models.Q(is_automated=False)


_BY_PEOPLE = models.Q(ip__isnull=False, is_automated=False)


class Person(TenantOwned):
    """Somebody known by one identity or more, over devices. `merged_into` leads to whom they turned out to be."""

    public_id = models.CharField(_("person id"), max_length=32, unique=True)
    created_at = models.DateTimeField(_("created at"), db_default=Now())
    merged_into = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="merged")

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")

    def __str__(self) -> str:
        return self.public_id


class Identity(TenantOwned):
    """A hash by which somebody is known: `kind` is em, ph or external_id, `digest` a SHA-256."""

    kind = models.CharField(_("kind"), max_length=12)
    digest = models.CharField(_("digest"), max_length=64)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="identities", verbose_name=_("person"))
    first_seen_at = models.DateTimeField(_("first seen at"), db_default=Now())

    class Meta:
        verbose_name = _("identity")
        verbose_name_plural = _("identities")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "kind", "digest"], name="identity_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.digest[:12]}"


class PersonMerge(TenantOwned):
    """Two people who turned out to be one, because of `identity`; what was moved can be moved back."""

    kept = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="merges_kept", verbose_name=_("kept"))
    merged = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="merges_lost", verbose_name=_("merged"))
    identity = models.ForeignKey(Identity, on_delete=models.PROTECT, verbose_name=_("because of"))
    moved = models.JSONField(_("what was moved"), default=dict)
    merged_at = models.DateTimeField(_("merged at"), db_default=Now())
    undone_at = models.DateTimeField(_("undone at"), null=True)
    undone_by = models.CharField(_("undone by"), max_length=200, blank=True, db_default="")

    class Meta:
        verbose_name = _("merge of people")
        verbose_name_plural = _("merges of people")

    def __str__(self) -> str:
        return f"{self.merged_id} -> {self.kept_id}"


class Session(TenantOwned):
    """A visitor's stretch of activity on one funnel's pages; half an hour of silence ends it.

    `identity` also holds, as `buyer_em`, `buyer_ph` and `buyer_external_id`, who the purchase told that it was: those
    lead to the person and are never sent. What the browser is known by (`ip` to `fbp`) is its latest hit's;
    `click_ref` is the click that the page carried, of this session or an earlier one. `flush_at` is when to look
    whether the page events that wait in the session should go (buffer.py); null while none waits.
    """

    public_id = models.CharField(_("session id"), max_length=32, unique=True)
    funnel = models.ForeignKey(Funnel, on_delete=models.PROTECT, db_index=False, verbose_name=_("funnel"))
    first_seen_at = models.DateTimeField(_("first seen at"), db_default=Now())
    last_seen_at = models.DateTimeField(_("last seen at"), db_default=Now())
    email_sha256 = models.CharField(_("e-mail hash"), max_length=64, blank=True, db_default="")
    phone_sha256 = models.CharField(_("phone hash"), max_length=64, blank=True, db_default="")
    identity = models.JSONField(_("identity hashes"), default=dict, blank=True)
    ip = models.GenericIPAddressField(_("IP address"), null=True)
    user_agent = models.TextField(_("user agent"), blank=True, db_default="")
    fbc = models.TextField(blank=True, db_default="")
    fbp = models.CharField(max_length=200, blank=True, db_default="")
    click_ref = models.CharField(_("carried click id"), max_length=32, blank=True, db_default="")
    flush_at = models.DateTimeField(_("buffer is looked at"), null=True)
    consent_ads = models.BooleanField(_("consent for ads"), null=True)
    consent_at = models.DateTimeField(_("consent given or refused at"), null=True)
    person = models.ForeignKey(
        Person, on_delete=models.PROTECT, null=True, related_name="sessions", verbose_name=_("person")
    )

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")
        indexes: ClassVar = [
            # With the key at their end: the newest of a crowd under one hash are found without reading the crowd.
            models.Index(
                fields=["tenant", "email_sha256", "id"], name="session_of_email", condition=~models.Q(email_sha256="")
            ),
            models.Index(
                fields=["tenant", "phone_sha256", "id"], name="session_of_phone", condition=~models.Q(phone_sha256="")
            ),
            models.Index(fields=["tenant", "fbp", "id"], name="session_of_browser", condition=~models.Q(fbp="")),
            models.Index(
                fields=["id"],
                name="session_unlinked",
                condition=models.Q(person__isnull=True) & ~models.Q(identity={}),
            ),
            models.Index(fields=["flush_at"], name="session_flush", condition=models.Q(flush_at__isnull=False)),
            models.Index(fields=["click_ref"], name="session_carried", condition=~models.Q(click_ref="")),
        ]

    def __str__(self) -> str:
        return self.public_id


class Source(models.TextChoices):
    """How a click came to be known."""

    SCRIPT = "script", _("the tracking script")
    LINK = "link", _("a redirect link")
    API = "api", _("the API")


class Click(TenantOwned):
    """One arrival from an ad. Every value is as the browser gave it, less what names a person; `fbclid` is whole."""

    public_id = models.CharField(_("click id"), max_length=32, unique=True)
    funnel = models.ForeignKey(Funnel, on_delete=models.PROTECT, db_index=False, verbose_name=_("funnel"))
    session = models.ForeignKey(
        Session, on_delete=models.PROTECT, related_name="clicks", db_index=False, verbose_name=_("session")
    )
    clicked_at = models.DateTimeField(_("clicked at"), db_default=Now())
    landing_url = models.TextField(_("landing page"))
    referrer = models.TextField(_("referrer"), blank=True)
    fbclid = models.TextField(blank=True)
    fbc = models.TextField(blank=True)
    fbp = models.CharField(max_length=200, blank=True)
    ttclid = models.TextField(blank=True)
    gclid = models.TextField(blank=True)
    utm = models.JSONField(_("UTM parameters"), default=dict, blank=True)
    src = models.TextField(blank=True)
    sck = models.TextField(blank=True)
    xcod = models.TextField(blank=True)
    ip = models.GenericIPAddressField(_("IP address"), null=True)
    user_agent = models.TextField(_("user agent"), blank=True)
    consent_ads = models.BooleanField(_("consent for ads"), null=True)
    event_id = models.CharField(_("browser's event id"), max_length=100, blank=True)
    correlation_id = models.CharField(_("correlation id"), max_length=64)
    source = models.CharField(_("recorded by"), max_length=6, choices=Source, default=Source.API, db_default=Source.API)
    link = models.ForeignKey(
        "TrackingLink", on_delete=models.SET_NULL, null=True, db_index=False, verbose_name=_("redirect link")
    )
    # Crawlers, link previews and prefetchers: kept apart, and never matched to a sale.
    is_automated = models.BooleanField(_("by a machine"), default=False, db_default=False)
    clock_skew_ms = models.BigIntegerField(_("browser's clock less ours (ms)"), null=True)

    class Meta:
        verbose_name = _("click")
        verbose_name_plural = _("clicks")
        indexes: ClassVar = [
            models.Index(fields=["tenant", "clicked_at"], name="click_tenant_time"),
            models.Index(fields=["session", "clicked_at"], name="click_session_time"),
            models.Index("tenant", Network("ip"), "clicked_at", name="click_network", condition=_BY_PEOPLE),
            # Numbers in place of texts, which can be longer than a B-tree entry may be. A hash index would know neither
            # tenants nor order: who repeats an id a million times would slow down its every look-up and insert.
            models.Index("tenant", Digest("fbclid"), "id", name="click_fbclid", condition=_told_by_people("fbclid")),
            models.Index("tenant", Digest("fbc"), "id", name="click_fbc", condition=_told_by_people("fbc")),
        ]

    def __str__(self) -> str:
        return self.public_id


class TrackingLink(TenantOwned):
    """`/<key>` records a click and leads on to `destination`, with the visitor's parameters merged into its own."""

    key = models.CharField(_("key"), max_length=40, unique=True, default=new_link_key, editable=False)
    funnel = models.ForeignKey(Funnel, on_delete=models.CASCADE, related_name="links", verbose_name=_("funnel"))
    name = models.CharField(_("name"), max_length=150, blank=True)
    destination = models.URLField(_("leads to"), max_length=2000)
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("redirect link")
        verbose_name_plural = _("redirect links")
        indexes: ClassVar = [models.Index(fields=["tenant", "-id"], name="link_newest")]

    def __str__(self) -> str:
        return self.name or self.key


class ConsentRecord(TenantOwned):
    """One word of a visitor's on ads: given or refused, when and by which means. The latest counts."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="consents", verbose_name=_("session"))
    consent_ads = models.BooleanField(_("consent for ads"))
    source = models.CharField(_("means"), max_length=30)
    given_at = models.DateTimeField(_("given or refused at"), db_default=Now())

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")

    def __str__(self) -> str:
        return f"{self.session_id} {self.consent_ads}"


class PageEvent(TenantOwned):
    """What a visitor did on a page, within a session: `name` is a word of tracking.PAGE_EVENTS.

    `data` tells of what (value, currency, contents). While `is_buffered` it waits in its session to be told to the ad
    platforms; what machines did never waits.
    """

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="page_events")
    name = models.CharField(_("name"), max_length=30)
    url = models.TextField(_("address"))
    event_id = models.CharField(_("browser's event id"), max_length=100, blank=True)
    occurred_at = models.DateTimeField(_("occurred at"), db_default=Now())
    data = models.JSONField(_("of what"), default=dict, db_default=models.Value({}, models.JSONField()))
    is_buffered = models.BooleanField(_("waits in its session"), default=False, db_default=False)

    class Meta:
        verbose_name = _("page event")
        verbose_name_plural = _("page events")
        indexes: ClassVar = [
            models.Index(
                fields=["session", "occurred_at"], name="page_event_buffer", condition=models.Q(is_buffered=True)
            ),
            models.Index(
                fields=["tenant", "occurred_at"],
                name="page_event_checkout",
                condition=models.Q(name="initiate_checkout"),
            ),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["session", "name", "event_id"], name="page_event_once", condition=~models.Q(event_id="")
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.session_id}"


class TrackingDomain(TenantOwned):
    """A host of the customer's that leads to the hub, so that what the hub serves and sets there is first-party.

    It is used once `proven_at` is set: the customer has put `token` where only who owns the host can (domains/).
    """

    host = models.CharField(_("host"), max_length=253)
    token = models.CharField(_("proof"), max_length=40, default=new_proof, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    checked_at = models.DateTimeField(_("last checked at"), null=True)
    proven_at = models.DateTimeField(_("proven at"), null=True)
    missing_since = models.DateTimeField(_("proof missing since"), null=True)

    class Meta:
        verbose_name = _("tracking domain")
        verbose_name_plural = _("tracking domains")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "host"], name="domain_once"),
            models.UniqueConstraint(
                fields=["host"], name="domain_proven_once", condition=models.Q(proven_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.host


class EventReceipt(TenantOwned):
    """That an event of a batch was recorded, and the ids it was answered with, so that a repeat is told the same."""

    event_id = models.CharField(_("event id"), max_length=100)
    session_id = models.CharField(_("session id"), max_length=32, db_default="")
    click_id = models.CharField(_("click id"), max_length=32, db_default="")
    received_at = models.DateTimeField(_("received at"), db_default=Now())

    class Meta:
        verbose_name = _("event receipt")
        verbose_name_plural = _("event receipts")
        constraints: ClassVar = [models.UniqueConstraint(fields=["tenant", "event_id"], name="receipt_once")]

    def __str__(self) -> str:
        return self.event_id
