"""A funnel is edited as a draft; what runs is its published version.

Draft fields live on Funnel and Destination. `publish` freezes what decides a send (landing URL, window, consent policy,
destinations and their API settings) into a FunnelVersion. Secrets and tokens are not versioned: they work at once.
"""

import uuid
from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.fields import EncryptedTextField
from apps.core.ids import new_id
from apps.tenants.models import TenantOwned

_CONFIDENCES = (MinValueValidator(0.5), MaxValueValidator(1.0))


def new_public_key() -> str:
    return new_id("pk_")


def new_endpoint_key() -> str:
    return new_id("", length=32)


class UnknownConsent(models.TextChoices):
    """What to do with a sale whose visitor neither gave nor refused consent for ads."""

    SEND = "send", _("send")
    BLOCK = "block", _("do not send")


class Rollout(models.TextChoices):
    """How far an endpoint's deliveries go."""

    OFF = "off", _("off: the address answers 404")
    SHADOW = "shadow", _("shadow: recorded and matched, nothing is sent")
    LIVE = "live", _("live")


class Trial(models.TextChoices):
    """What an endpoint does with the next version of its gateway's adapter, where there is one."""

    OFF = "off", _("off")
    SHADOW = "shadow", _("shadow: reads beside the one in use, and the two are compared")
    LIVE = "live", _("live: its reading counts")


class ChildOrders(models.TextChoices):
    """What to tell the platforms of an order bump or upsell that the gateway sells as an order of its own."""

    EXCLUDE = "exclude", _("nothing: it is part of the first purchase")
    PURCHASE = "purchase", _("a purchase of its own")


class PageEvents(models.TextChoices):
    """Who tells the ad platforms what visitors do on the pages (docs/page-events.md)."""

    HYBRID = "hybrid", _("pixel and server, under one event id")
    SERVER_ONLY = "server_only", _("server only: one enriched copy")
    BROWSER_ONLY = "browser_only", _("pixel only: the hub sends none")


class AttributionModel(models.TextChoices):
    """Which of several ad clicks of one visitor a sale is credited to."""

    LAST_CLICK = "last_click", _("the last click before the sale")
    FIRST_CLICK = "first_click", _("the first click of the window")
    ANY_CLICK = "any_click", _("the surest click, whenever it was in the window")


class UncertainMatches(models.TextChoices):
    """What becomes of a match whose confidence lies between the two thresholds."""

    REVIEW = "review", _("a person decides")
    AUTO = "auto", _("used at once, and marked as uncertain")


class ReviewTimeout(models.TextChoices):
    """What becomes of a match that nobody decided on in time."""

    UNMATCHED = "unmatched", _("the sale is sent without the click")
    ACCEPT = "accept", _("the sale is sent with the proposed click")


class Platform(models.TextChoices):
    """Ad platforms that a destination can be."""

    META = "meta", "Meta"
    TIKTOK = "tiktok", "TikTok"
    HTTP = "http", _("HTTP gateway")


class Funnel(TenantOwned):
    """One product's path from ad to sale. `public_key` may be seen by anyone: it only lets a page record clicks."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=150)
    public_key = models.CharField(_("public key"), max_length=40, unique=True, default=new_public_key, editable=False)
    landing_url = models.URLField(_("landing page"), max_length=2000, blank=True)
    attribution_window_days = models.PositiveSmallIntegerField(
        _("attribution window (days)"), default=7, validators=[MinValueValidator(1), MaxValueValidator(90)]
    )
    unknown_consent = models.CharField(
        _("when consent is unknown"), max_length=5, choices=UnknownConsent, default=UnknownConsent.SEND
    )
    event_names = models.JSONField(
        _("events by what happened"), default=dict, blank=True, db_default=models.Value({}, models.JSONField())
    )
    child_orders = models.CharField(
        _("order bumps and upsells"),
        max_length=8,
        choices=ChildOrders,
        default=ChildOrders.EXCLUDE,
        db_default=ChildOrders.EXCLUDE,
    )
    page_events = models.CharField(
        _("page events"),
        help_text=_(
            "Pixel and server: the pixel tells at once, and the hub again for browsers that blocked it; Meta keeps the "
            "first copy, so what is learned of the visitor later is lost where the pixel worked. Server only: a single "
            "copy with all that was learned, up to 4 hours later; the page must fire no pixel of its own. Pixel only: "
            "the hub sends none."
        ),
        max_length=12,
        choices=PageEvents,
        default=PageEvents.HYBRID,
        db_default=PageEvents.HYBRID,
    )
    view_through_days = models.PositiveSmallIntegerField(
        _("visits without a click (days)"),
        help_text=_(
            "Sales with no ad click are joined to a visit without a click in the last so many days, so that they are "
            "sent with the browser's data. 0 turns this off."
        ),
        default=0,
        db_default=0,
        validators=[MaxValueValidator(7)],
    )
    attribution_model = models.CharField(
        _("click that is credited"),
        help_text=_("Where the buyer clicked more than one ad within the attribution window."),
        max_length=11,
        choices=AttributionModel,
        default=AttributionModel.LAST_CLICK,
        db_default=AttributionModel.LAST_CLICK,
    )
    auto_threshold = models.FloatField(
        _("confidence to match by itself"),
        help_text=_("From this confidence on, a click is used without asking. 1 would be certainty."),
        default=0.85,
        db_default=0.85,
        validators=_CONFIDENCES,
    )
    review_threshold = models.FloatField(
        _("confidence to propose a match"),
        help_text=_("From this confidence on, a click is proposed. Below it, the sale is one without a click."),
        default=0.60,
        db_default=0.60,
        validators=_CONFIDENCES,
    )
    uncertain_matches = models.CharField(
        _("uncertain matches"),
        help_text=_("What happens to a match between the two confidences."),
        max_length=6,
        choices=UncertainMatches,
        default=UncertainMatches.REVIEW,
        db_default=UncertainMatches.REVIEW,
    )
    review_hours = models.PositiveSmallIntegerField(
        _("time to decide (hours)"),
        help_text=_("How long a sale waits for a person. At most 144: Meta takes no sale older than 7 days."),
        default=4,
        db_default=4,
        validators=[MinValueValidator(1), MaxValueValidator(144)],
    )
    review_timeout = models.CharField(
        _("when nobody decided in time"),
        max_length=9,
        choices=ReviewTimeout,
        default=ReviewTimeout.UNMATCHED,
        db_default=ReviewTimeout.UNMATCHED,
    )
    weight_set = models.CharField(_("weights of matching"), max_length=40, blank=True, default="", db_default="")
    published = models.ForeignKey(
        "FunnelVersion", on_delete=models.PROTECT, null=True, blank=True, related_name="+", editable=False
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("funnel")
        verbose_name_plural = _("funnels")
        indexes: ClassVar = [models.Index(fields=["tenant", "created_at"], name="funnel_tenant")]

    def __str__(self) -> str:
        return self.name


class FunnelVersion(TenantOwned):
    """What ran from `published_at` on; `config` is read through `selectors.FunnelConfig`. Never changed."""

    funnel = models.ForeignKey(Funnel, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(_("number"))
    config = models.JSONField(_("configuration"))
    published_at = models.DateTimeField(_("published at"), auto_now_add=True)

    class Meta:
        verbose_name = _("published version")
        verbose_name_plural = _("published versions")
        constraints: ClassVar = [models.UniqueConstraint(fields=["funnel", "number"], name="funnel_version_once")]

    def __str__(self) -> str:
        return f"{self.funnel_id} v{self.number}"


class Endpoint(TenantOwned):
    """Where a gateway posts its webhooks. `key` is the unguessable part of the address, `secret` what signs them.

    `previous_secret` stays valid after a change, so that deliveries signed before it are not refused. `credentials`,
    for the gateway's own API, is a JSON object of texts. Of a live endpoint's orders `live_percent` are sent, always
    the same ones; the others are treated as in shadow.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    funnel = models.ForeignKey(Funnel, on_delete=models.CASCADE, related_name="endpoints")
    gateway = models.SlugField(_("gateway"), max_length=20)
    key = models.CharField(_("address key"), max_length=40, unique=True, default=new_endpoint_key, editable=False)
    secret = EncryptedTextField()
    previous_secret = EncryptedTextField(null=True)
    credentials = EncryptedTextField(null=True)
    rollout = models.CharField(_("rollout"), max_length=6, choices=Rollout, default=Rollout.LIVE)
    live_percent = models.PositiveSmallIntegerField(
        _("live, percent of the orders"),
        default=100,
        db_default=100,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )
    candidate = models.CharField(
        _("next version of the adapter"), max_length=6, choices=Trial, default=Trial.OFF, db_default=Trial.OFF
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("webhook endpoint")
        verbose_name_plural = _("webhook endpoints")
        constraints: ClassVar = [models.UniqueConstraint(fields=["funnel", "gateway"], name="endpoint_once")]

    def __str__(self) -> str:
        return f"{self.gateway} {self.id}"


class RolloutChange(TenantOwned):
    """Who switched an endpoint, when, and from what to what: {"rollout": ["shadow", "live"]}."""

    endpoint = models.ForeignKey(
        Endpoint, on_delete=models.CASCADE, related_name="rollout_changes", verbose_name=_("endpoint")
    )
    actor = models.CharField(_("by"), max_length=200)
    changes = models.JSONField(_("changes"))
    changed_at = models.DateTimeField(_("changed at"), auto_now_add=True)

    class Meta:
        verbose_name = _("switch of an endpoint")
        verbose_name_plural = _("switches of endpoints")

    def __str__(self) -> str:
        return f"{self.endpoint_id} {self.changed_at:%Y-%m-%d %H:%M}"


class Destination(TenantOwned):
    """A pixel or dataset with its access token. `base_url` and `api_version` empty mean the hub's own settings."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    funnel = models.ForeignKey(Funnel, on_delete=models.CASCADE, related_name="destinations")
    platform = models.CharField(_("platform"), max_length=6, choices=Platform)
    pixel_id = models.CharField(_("pixel or dataset id"), max_length=64)
    access_token = EncryptedTextField()
    token_saved_at = models.DateTimeField(_("token saved at"), auto_now_add=True)
    test_event_code = models.CharField(_("test event code"), max_length=40, blank=True)
    api_version = models.CharField(_("API version"), max_length=10, blank=True)
    base_url = models.URLField(_("base URL"), max_length=500, blank=True)
    canary_version = models.CharField(
        _("API version on trial"),
        help_text=_("Tried with a share of the requests; given up by itself when the platform refuses it."),
        max_length=10,
        blank=True,
        default="",
        db_default="",
    )
    canary_percent = models.PositiveSmallIntegerField(
        _("share of requests on trial (%)"), default=0, db_default=0, validators=[MaxValueValidator(100)]
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("destination")
        verbose_name_plural = _("destinations")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["funnel", "platform", "pixel_id"], name="destination_once")
        ]

    def __str__(self) -> str:
        return f"{self.platform} {self.pixel_id}"
