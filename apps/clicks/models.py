"""Clicks, sessions and page events, written by one statement each (services.py).

A visitor's e-mail and phone are kept as hashes on the session: `identity` holds every hash by Meta's key,
`email_sha256` and `phone_sha256` are the ones that matching looks up.
"""

from typing import ClassVar

from django.contrib.postgres.indexes import HashIndex
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from apps.funnels.models import Funnel
from apps.tenants.models import TenantOwned


class Session(TenantOwned):
    """A visitor's stretch of activity on one funnel's pages."""

    public_id = models.CharField(_("session id"), max_length=32, unique=True)
    funnel = models.ForeignKey(Funnel, on_delete=models.PROTECT, db_index=False, verbose_name=_("funnel"))
    first_seen_at = models.DateTimeField(_("first seen at"), db_default=Now())
    last_seen_at = models.DateTimeField(_("last seen at"), db_default=Now())
    email_sha256 = models.CharField(_("e-mail hash"), max_length=64, blank=True, db_default="")
    phone_sha256 = models.CharField(_("phone hash"), max_length=64, blank=True, db_default="")
    identity = models.JSONField(_("identity hashes"), default=dict, blank=True)
    consent_ads = models.BooleanField(_("consent for ads"), null=True)
    consent_at = models.DateTimeField(_("consent given or refused at"), null=True)

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")
        indexes: ClassVar = [
            models.Index(fields=["tenant", "email_sha256"], name="session_email", condition=~models.Q(email_sha256="")),
            models.Index(fields=["tenant", "phone_sha256"], name="session_phone", condition=~models.Q(phone_sha256="")),
        ]

    def __str__(self) -> str:
        return self.public_id


class Click(TenantOwned):
    """One arrival from an ad. Every value is as the browser gave it, less what names a person; `fbclid` is whole."""

    public_id = models.CharField(_("click id"), max_length=32, unique=True)
    funnel = models.ForeignKey(Funnel, on_delete=models.PROTECT, db_index=False, verbose_name=_("funnel"))
    session = models.ForeignKey(Session, on_delete=models.PROTECT, related_name="clicks", verbose_name=_("session"))
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

    class Meta:
        verbose_name = _("click")
        verbose_name_plural = _("clicks")
        indexes: ClassVar = [
            models.Index(fields=["tenant", "clicked_at"], name="click_tenant_time"),
            # A hash index has no size limit; a click id can be longer than a B-tree entry may be.
            HashIndex(fields=["fbclid"], name="click_fbclid", condition=~models.Q(fbclid="")),
            HashIndex(fields=["fbc"], name="click_fbc", condition=~models.Q(fbc="")),
        ]

    def __str__(self) -> str:
        return self.public_id


class PageEvent(TenantOwned):
    """A page view or a started checkout within a session."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="page_events")
    name = models.CharField(_("name"), max_length=30)
    url = models.TextField(_("address"))
    event_id = models.CharField(_("browser's event id"), max_length=100, blank=True)
    occurred_at = models.DateTimeField(_("occurred at"), db_default=Now())

    class Meta:
        verbose_name = _("page event")
        verbose_name_plural = _("page events")

    def __str__(self) -> str:
        return f"{self.name} {self.session_id}"
