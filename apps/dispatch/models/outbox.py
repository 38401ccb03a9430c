"""An event once per order and name, a send per destination, a batch per request, an attempt for each send in it."""

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
WAITING_STATUSES = (SendStatus.PENDING, SendStatus.RETRYING, SendStatus.PARKED)


class CapiEvent(TenantOwned):
    """One thing to tell the ad platforms, for ever under one event_id: of an order, or of what happened on a page.

    `stage` is what happened to the order (services/plan.py): each is told once, whatever name a funnel gives it later.
    An order's event_id is made by event_id.py; a page event's is the one that the browser's pixel was given.
    No event is ever deleted: these rows are the register of what must not be told twice.
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
            models.UniqueConstraint(fields=["conversion", "event_name"], name="event_name_once"),
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
    """Which sends of a destination go first: no purchase waits behind anything else, no order behind page views."""

    PURCHASE = 0, _("purchase")
    ORDER = 1, _("other event of an order")
    PAGE = 2, _("page event")


class Batch(TenantOwned):
    """One request to a platform, saved before it is made: a crash leaves a batch without an outcome.

    While it has none it is the lease of its sends, until `lease_until`. `parent` is the refused batch that this is a
    part of. `response` is the platform's answer, cut at 4,000 characters.
    """

    destination = models.ForeignKey(
        Destination, on_delete=models.PROTECT, db_index=False, verbose_name=_("destination")
    )
    parent = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, db_index=False, verbose_name=_("part of the refused request")
    )
    size = models.PositiveSmallIntegerField(_("events"))
    is_probe = models.BooleanField(_("probe of the breaker"), default=False)
    started_at = models.DateTimeField(_("started at"), db_default=Now())
    lease_until = models.DateTimeField(_("lease until"))
    finished_at = models.DateTimeField(_("finished at"), null=True)
    url_host = models.CharField(_("host"), max_length=200, blank=True)
    api_version = models.CharField(_("API version"), max_length=10, blank=True)
    outcome = models.CharField(_("outcome"), max_length=12, blank=True)
    http_status = models.PositiveSmallIntegerField(_("HTTP status"), null=True)
    code = models.IntegerField(_("code"), null=True)
    subcode = models.IntegerField(_("subcode"), null=True)
    trace_id = models.CharField(_("platform's trace id"), max_length=100, blank=True)
    next_step = models.CharField(_("next step"), max_length=30, blank=True)
    response = models.TextField(_("answer"), blank=True)
    elapsed_ms = models.PositiveIntegerField(_("milliseconds"), null=True)

    class Meta:
        verbose_name = _("request")
        verbose_name_plural = _("requests")
        indexes: ClassVar = [
            models.Index(
                fields=["tenant", "destination"], name="batch_open", condition=models.Q(finished_at__isnull=True)
            ),
            models.Index(fields=["destination", "-id"], name="batch_newest"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.outcome}"


class Send(TenantOwned):
    """One event on its way to one destination. `reason` is a stable word: why it stands where it stands.

    `due_at` is when it may be claimed; while `sending`, when its lease lapses. `attempts` counts claims, `failures` the
    failed ones in a row, which decide how long it waits, `strikes` those that were its own fault: five make it dead.
    `repairs` are the keys left out since the platform refused them. `is_unsure`: a platform may have it already.
    """

    event = models.ForeignKey(
        CapiEvent, on_delete=models.CASCADE, related_name="sends", db_index=False, verbose_name=_("event")
    )
    destination = models.ForeignKey(
        Destination, on_delete=models.PROTECT, db_index=False, verbose_name=_("destination")
    )
    status = models.CharField(_("status"), max_length=10, choices=SendStatus)
    reason = models.CharField(_("reason"), max_length=60, blank=True)
    rank = models.PositiveSmallIntegerField(_("rank"), choices=Rank, default=Rank.PURCHASE, db_default=Rank.PURCHASE)
    value = models.DecimalField(_("value when planned"), max_digits=18, decimal_places=3, default=0, db_default=0)
    due_at = models.DateTimeField(_("due at"), db_default=Now())
    deadline = models.DateTimeField(_("deadline"))
    attempts = models.PositiveIntegerField(_("attempts"), db_default=0)
    failures = models.PositiveIntegerField(_("failures in a row"), db_default=0)
    strikes = models.PositiveSmallIntegerField(_("failures of its own"), default=0, db_default=0)
    repairs = models.JSONField(_("left out"), default=list, db_default=models.Value([], models.JSONField()))
    is_unsure = models.BooleanField(_("may have arrived"), default=False, db_default=False)
    batch = models.ForeignKey(
        Batch, on_delete=models.SET_NULL, null=True, db_index=False, editable=False, related_name="+"
    )
    first_attempt_at = models.DateTimeField(_("first attempt at"), null=True)
    settled_at = models.DateTimeField(_("settled at"), null=True)
    changed_at = models.DateTimeField(_("changed at"), db_default=Now())

    class Meta:
        verbose_name = _("send")
        verbose_name_plural = _("sends")
        constraints: ClassVar = [models.UniqueConstraint(fields=["event", "destination"], name="send_once")]
        indexes: ClassVar = [
            models.Index(
                fields=["destination", "due_at"], name="send_due", condition=models.Q(status__in=LIVE_STATUSES)
            ),
            models.Index(
                *("destination", "rank", "deadline", models.F("value").desc()),
                name="send_next",
                condition=models.Q(status__in=LIVE_STATUSES),
            ),
            models.Index(fields=["destination"], name="send_parked", condition=models.Q(status=SendStatus.PARKED)),
            models.Index(fields=["deadline"], name="send_expiring", condition=models.Q(status__in=WAITING_STATUSES)),
            models.Index(fields=["tenant", "status", "-id"], name="send_status"),
        ]

    def __str__(self) -> str:
        return f"{self.status} {self.destination_id}"


class Attempt(TenantOwned):
    """A send's part in one request: `request` is the server event as sent (hashes, no token)."""

    send = models.ForeignKey(Send, on_delete=models.CASCADE, related_name="tries", verbose_name=_("send"))
    number = models.PositiveIntegerField(_("number"))
    batch = models.ForeignKey(
        Batch, on_delete=models.PROTECT, db_index=False, related_name="tries", verbose_name=_("request")
    )
    request = models.JSONField(_("event as sent"))

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        constraints: ClassVar = [models.UniqueConstraint(fields=["send", "number"], name="attempt_once")]

    def __str__(self) -> str:
        return f"#{self.number} of send {self.send_id}"
