"""The outbox: an event once per order and name, a send per destination, an attempt per request.

`Send.due_at` is when the lane may take it: the next try, or, while `sending`, when its lease lapses and another worker
takes over. `failures` counts what failed by the event's own fault or the platform's, `attempts` every claim.
"""

from typing import ClassVar, cast

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from apps.clicks.models import PageEvent
from apps.conversions.models import Conversion
from apps.funnels.models import Destination, Funnel
from apps.tenants.models import TenantOwned


class SendStatus(models.TextChoices):
    """Where a send stands, the most urgent to look at first."""

    DEAD = "dead", _("dead: refused for good")
    EXPIRED = "expired", _("expired: too old for the platform")
    PARKED = "parked", _("parked: waits for a working token")
    RETRYING = "retrying", _("retrying")
    SENDING = "sending", _("sending")
    PENDING = "pending", _("pending")
    BLOCKED = "blocked", _("blocked by consent")
    EXCLUDED = "excluded", _("excluded by a rule")
    DUPLICATE = "duplicate", _("duplicate")
    ACCEPTED = "accepted", _("accepted")


LIVE_STATUSES = (SendStatus.PENDING, SendStatus.RETRYING, SendStatus.SENDING)


class CapiEvent(TenantOwned):
    """One thing to tell the ad platforms, for ever under one event_id: of an order, or of what happened on a page.

    `stage` is what happened to the order (services/plan.py): each is told once, whatever name a funnel gives it later.
    An order's event_id is made by event_id.py; a page event's is the one that the browser's pixel was given.
    """

    event_id = models.CharField(_("event id"), max_length=100)
    event_name = models.CharField(_("event"), max_length=40)
    stage = models.CharField(_("stage of the order"), max_length=30, default="sale", db_default="sale")
    conversion = models.ForeignKey(
        Conversion, on_delete=models.PROTECT, null=True, related_name="capi_events", verbose_name=_("conversion")
    )
    page_event = models.OneToOneField(
        PageEvent, on_delete=models.PROTECT, null=True, related_name="capi_event", verbose_name=_("page event")
    )
    funnel = models.ForeignKey(Funnel, on_delete=models.PROTECT, db_index=False, verbose_name=_("funnel"))
    event_time = models.DateTimeField(_("time of the event"))
    created_at = models.DateTimeField(_("created at"), db_default=Now())
    correlation_id = models.CharField(_("correlation id"), max_length=64)

    class Meta:
        verbose_name = _("CAPI event")
        verbose_name_plural = _("CAPI events")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "event_id"], name="event_once"),
            models.UniqueConstraint(fields=["conversion", "stage"], name="event_stage_once"),
            models.CheckConstraint(
                condition=models.Q(conversion__isnull=False) ^ models.Q(page_event__isnull=False), name="event_of_one"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "-id"], name="event_newest")]

    @property
    def about(self) -> Conversion | PageEvent:
        return cast(Conversion | PageEvent, self.conversion or self.page_event)

    def __str__(self) -> str:
        return f"{self.event_name} {self.event_id[:12]}"


class Rank(models.IntegerChoices):
    """Which sends of a destination go first: no sale waits behind page views."""

    SALE = 0, _("sale")
    PAGE = 1, _("page event")


class Send(TenantOwned):
    """One event on its way to one destination. `reason` is a stable word: why it stands where it stands."""

    event = models.ForeignKey(
        CapiEvent, on_delete=models.CASCADE, related_name="sends", db_index=False, verbose_name=_("event")
    )
    destination = models.ForeignKey(
        Destination, on_delete=models.PROTECT, db_index=False, verbose_name=_("destination")
    )
    status = models.CharField(_("status"), max_length=10, choices=SendStatus)
    reason = models.CharField(_("reason"), max_length=60, blank=True)
    rank = models.PositiveSmallIntegerField(_("rank"), choices=Rank, default=Rank.SALE, db_default=Rank.SALE)
    due_at = models.DateTimeField(_("due at"), db_default=Now())
    deadline = models.DateTimeField(_("deadline"))
    attempts = models.PositiveIntegerField(_("attempts"), db_default=0)
    failures = models.PositiveIntegerField(_("failures"), db_default=0)
    lease_token = models.UUIDField(null=True, editable=False)
    first_attempt_at = models.DateTimeField(_("first attempt at"), null=True)
    settled_at = models.DateTimeField(_("settled at"), null=True)
    changed_at = models.DateTimeField(_("changed at"), db_default=Now())

    class Meta:
        verbose_name = _("send")
        verbose_name_plural = _("sends")
        constraints: ClassVar = [models.UniqueConstraint(fields=["event", "destination"], name="send_once")]
        indexes: ClassVar = [
            models.Index(
                fields=["destination", "rank", "due_at"],
                name="send_due",
                condition=models.Q(status__in=LIVE_STATUSES),
            ),
            models.Index(fields=["destination"], name="send_parked", condition=models.Q(status=SendStatus.PARKED)),
            models.Index(fields=["tenant", "status", "-id"], name="send_status"),
        ]

    def __str__(self) -> str:
        return f"{self.status} {self.destination_id}"


class Attempt(TenantOwned):
    """One request for one send, saved before it is made: a crash leaves an attempt without an outcome.

    `request` is the server event as sent (hashes, no token); `response` the platform's answer, cut at 4,000 characters.
    """

    send = models.ForeignKey(Send, on_delete=models.CASCADE, related_name="tries", verbose_name=_("send"))
    number = models.PositiveIntegerField(_("number"))
    started_at = models.DateTimeField(_("started at"), db_default=Now())
    finished_at = models.DateTimeField(_("finished at"), null=True)
    url_host = models.CharField(_("host"), max_length=200)
    api_version = models.CharField(_("API version"), max_length=10, blank=True)
    request = models.JSONField(_("request"))
    outcome = models.CharField(_("outcome"), max_length=12, blank=True)
    http_status = models.PositiveSmallIntegerField(_("HTTP status"), null=True)
    code = models.IntegerField(_("code"), null=True)
    subcode = models.IntegerField(_("subcode"), null=True)
    trace_id = models.CharField(_("platform's trace id"), max_length=100, blank=True)
    next_step = models.CharField(_("next step"), max_length=30, blank=True)
    response = models.TextField(_("answer"), blank=True)
    elapsed_ms = models.PositiveIntegerField(_("milliseconds"), null=True)

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        constraints: ClassVar = [models.UniqueConstraint(fields=["send", "number"], name="attempt_once")]

    def __str__(self) -> str:
        return f"#{self.number} {self.outcome}"
