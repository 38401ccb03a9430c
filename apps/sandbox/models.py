"""What the stand-in received. Nobody owns these rows: a platform knows pixels, not the hub's tenants.

The body of a refused request is not kept, because the usual reason for a refusal is personal data in clear.
"""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import HashIndex
from django.db import models
from django.utils.translation import gettext_lazy as _


class Verdict(models.TextChoices):
    """What became of an event. Only whole requests are refused, so no stored event has that verdict."""

    ACCEPTED = "accepted", _("accepted")
    DUPLICATE = "duplicate", _("duplicate")
    REFUSED = "refused", _("refused")


class Platform(models.TextChoices):
    """Whom the stand-in stood in for."""

    META = "meta", "Meta"
    TIKTOK = "tiktok", "TikTok"


class ReceivedRequest(models.Model):
    """One request with events and the answer it got. `error_code` is null when it was accepted.

    `token_fingerprint` is the start of the token's SHA-256; `events_count` counts what was submitted, also in
    a refused request; `error_where` names the culprit in it, such as `data[2].user_data.em`.
    """

    platform = models.CharField(
        _("platform"), max_length=6, choices=Platform, default=Platform.META, db_default=Platform.META
    )
    pixel_id = models.CharField(_("pixel or dataset id"), max_length=64)
    version = models.CharField(_("API version"), max_length=16)
    received_at = models.DateTimeField(_("received at"), db_index=True)
    status = models.PositiveSmallIntegerField(_("HTTP status"))
    error_code = models.PositiveIntegerField(_("error code"), null=True)
    error_subcode = models.PositiveIntegerField(_("error subcode"), null=True)
    error_where = models.TextField(_("place of the error"), blank=True)
    events_count = models.PositiveIntegerField(_("events"))
    token_fingerprint = models.CharField(_("token fingerprint"), max_length=8, blank=True)
    test_event_code = models.TextField(_("test event code"), blank=True)
    answer = models.JSONField(_("answer"))

    class Meta:
        verbose_name = _("received request")
        verbose_name_plural = _("received requests")
        indexes: ClassVar = [models.Index(fields=["pixel_id", "error_code"], name="sandbox_request_pixel")]

    def __str__(self) -> str:
        return f"request {self.pk}: {self.status}"


class ReceivedEvent(models.Model):
    """One event of an accepted request, as it was sent. `event_time` is in seconds since 1970."""

    request = models.ForeignKey(ReceivedRequest, on_delete=models.CASCADE, related_name="events")
    pixel_id = models.CharField(_("pixel or dataset id"), max_length=64)
    event_name = models.TextField(_("event name"))
    event_id = models.TextField(_("event id"), blank=True)
    event_time = models.BigIntegerField(_("event time"))
    received_at = models.DateTimeField(_("received at"))
    payload = models.JSONField(_("payload"))
    verdict = models.CharField(_("verdict"), max_length=9, choices=Verdict)

    class Meta:
        verbose_name = _("received event")
        verbose_name_plural = _("received events")
        # A hash index because no platform sets a limit to an event_id and a B-tree does.
        indexes: ClassVar = [
            models.Index(fields=["pixel_id", "verdict"], name="sandbox_event_pixel"),
            HashIndex(fields=["event_id"], name="sandbox_event_id"),
        ]

    def __str__(self) -> str:
        return f"event {self.pk}: {self.verdict}"


class FirstReceipt(models.Model):
    """When the first copy of an event came.

    `digest` is the SHA-256 of platform (if it is not Meta), pixel, event name and event_id. It outlives the event
    itself, which may be purged while copies still arrive.
    """

    digest = models.CharField(max_length=64, primary_key=True)
    received_at = models.DateTimeField(_("received at"), db_index=True)

    class Meta:
        verbose_name = _("first receipt")
        verbose_name_plural = _("first receipts")

    def __str__(self) -> str:
        return self.digest[:8]


class FaultScript(models.Model):
    """The faults that are played from `started_at` on (faults/script.py); at most one row.

    `seen` counts, for each rule that counts, the requests that fitted it.
    """

    script = models.JSONField(_("script"))
    started_at = models.DateTimeField(_("started at"))
    seen = ArrayField(models.BigIntegerField(), verbose_name=_("requests seen"), default=list)

    class Meta:
        verbose_name = _("script of faults")
        verbose_name_plural = _("scripts of faults")

    def __str__(self) -> str:
        return f"faults since {self.started_at:%Y-%m-%d %H:%M:%S}"
