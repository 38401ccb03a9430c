"""What decides whether a destination is sent to at all: its own breaker and its platform's, and their history."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from apps.funnels.models import Destination
from apps.tenants.models import TenantOwned


class Circuit(models.Model):
    """What a breaker knows (breaker.py): of one destination with its token, or of a whole platform.

    `failures` are requests in a row that failed by the platform's fault; `openings` how often in a row it opened.
    `retry_at` is when an open one may be probed, and until when a probe that nobody finished counts. Nothing is sent
    before `paused_until`, which a platform asked for.
    """

    class State(models.TextChoices):
        """Closed lets requests pass, open none, half-open a single one."""

        CLOSED = "closed", _("closed: requests pass")
        OPEN = "open", _("open: waits for the platform")
        HALF_OPEN = "half_open", _("half-open: one request probes")

    state = models.CharField(_("state"), max_length=9, choices=State, default=State.CLOSED)
    failures = models.PositiveIntegerField(_("failures in a row"), default=0)
    openings = models.PositiveIntegerField(_("openings in a row"), default=0)
    retry_at = models.DateTimeField(_("next probe at"), null=True)
    paused_until = models.DateTimeField(_("paused until"), null=True)
    reason = models.CharField(_("reason"), max_length=60, blank=True)
    changed_at = models.DateTimeField(_("changed at"), db_default=Now())

    class Meta:
        abstract = True


class Breaker(TenantOwned, Circuit):
    """Of one destination with the token that was saved at `token_saved_at`; a newer token starts it anew.

    `width` is how many requests may be under way at once, `allowance` how many events each may hold: both grow with
    every success and shrink with trouble. `parked_reason` says why everything waits for a person.
    """

    destination = models.OneToOneField(
        Destination, on_delete=models.CASCADE, related_name="breaker", verbose_name=_("destination")
    )
    token_saved_at = models.DateTimeField(_("token saved at"))
    token_digest = models.CharField(max_length=16, editable=False, db_index=True)
    width = models.PositiveSmallIntegerField(_("requests at once"), default=2)
    allowance = models.PositiveSmallIntegerField(_("events a request"), default=1000)
    parked_reason = models.CharField(_("parked because"), max_length=60, blank=True)
    parked_at = models.DateTimeField(_("parked at"), null=True)
    refused_version = models.CharField(_("canary given up"), max_length=10, blank=True)

    class Meta:
        verbose_name = _("breaker")
        verbose_name_plural = _("breakers")

    def __str__(self) -> str:
        return f"{self.state} {self.destination_id}"


class PlatformBreaker(Circuit):
    """Of one platform's host; `failing` are the destinations whose failures make up `failures`."""

    platform = models.CharField(_("platform"), max_length=6)
    host = models.CharField(_("host"), max_length=200)
    failing = models.JSONField(_("failing destinations"), default=list)

    class Meta:
        verbose_name = _("breaker of a platform")
        verbose_name_plural = _("breakers of platforms")
        constraints: ClassVar = [models.UniqueConstraint(fields=["platform", "host"], name="platform_breaker_once")]

    def __str__(self) -> str:
        return f"{self.platform} {self.host}: {self.state}"


class BreakerChange(models.Model):
    """What befell a breaker and when; without a destination, a platform's. Part of the story of the sends in between.

    `what` is a state, "paused", "parked" or "resumed".
    """

    platform = models.CharField(_("platform"), max_length=6)
    host = models.CharField(_("host"), max_length=200)
    destination = models.ForeignKey(
        Destination, on_delete=models.CASCADE, null=True, db_index=False, verbose_name=_("destination")
    )
    what = models.CharField(_("what"), max_length=9)
    reason = models.CharField(_("reason"), max_length=60, blank=True)
    until = models.DateTimeField(_("until"), null=True)
    at = models.DateTimeField(_("at"), db_default=Now())

    class Meta:
        verbose_name = _("change of a breaker")
        verbose_name_plural = _("changes of breakers")
        indexes: ClassVar = [
            models.Index(fields=["destination", "at"], name="breaker_change_destination"),
            models.Index(
                fields=["platform", "host", "at"],
                name="breaker_change_platform",
                condition=models.Q(destination__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.what} {self.at:%Y-%m-%d %H:%M:%S}"
