"""Work beside the lanes: replays that somebody asked for, and checks of tokens."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from apps.funnels.models import Destination
from apps.tenants.models import TenantOwned


class Replay(TenantOwned):
    """Many sends to be sent again, on somebody's word: `filters` chose them, `cursor` is the last that was looked at.

    `released` were made due, at no more than `per_minute`; `skipped` counts the others by reason.
    """

    class State(models.TextChoices):
        """Running, or why no more."""

        RUNNING = "running", _("running")
        DONE = "done", _("done")
        CANCELLED = "cancelled", _("cancelled")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    filters = models.JSONField(_("chosen by"))
    per_minute = models.PositiveIntegerField(_("sends a minute"))
    state = models.CharField(_("state"), max_length=9, choices=State, default=State.RUNNING)
    total = models.PositiveIntegerField(_("in all"), default=0)
    released = models.PositiveIntegerField(_("released"), default=0)
    skipped = models.JSONField(_("left alone"), default=dict)
    cursor = models.BigIntegerField(default=0, editable=False)
    actor = models.CharField(_("by"), max_length=200)
    created_at = models.DateTimeField(_("created at"), db_default=Now())
    next_at = models.DateTimeField(_("goes on at"), db_default=Now())
    finished_at = models.DateTimeField(_("finished at"), null=True)

    class Meta:
        verbose_name = _("replay")
        verbose_name_plural = _("replays")
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-created_at"], name="replay_newest"),
            models.Index(fields=["next_at"], name="replay_running", condition=models.Q(state="running")),
        ]

    def __str__(self) -> str:
        return f"{self.state} {self.created_at:%Y-%m-%d %H:%M}"


class TokenCheck(TenantOwned):
    """What the platform said of a destination's token when it was last asked.

    `expires_at` and `data_access_expires_at` are None where it never ends, or nobody knows: `state` tells which.
    `token_saved_at` is that of the token asked about; `problem` is a stable word.
    """

    class State(models.TextChoices):
        """What is known of the token."""

        UNKNOWN = "unknown", _("its end is unknown: the platform does not say")
        NEVER = "never", _("does not expire")
        EXPIRES = "expires", _("expires")
        INVALID = "invalid", _("not valid")

    destination = models.OneToOneField(
        Destination, on_delete=models.CASCADE, related_name="token_check", verbose_name=_("destination")
    )
    token_saved_at = models.DateTimeField(_("token saved at"))
    checked_at = models.DateTimeField(_("checked at"))
    next_at = models.DateTimeField(_("next check at"), db_index=True)
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.UNKNOWN)
    expires_at = models.DateTimeField(_("expires at"), null=True)
    data_access_expires_at = models.DateTimeField(_("data access ends at"), null=True)
    scopes = models.JSONField(_("permissions"), default=list)
    problem = models.CharField(_("problem"), max_length=60, blank=True)
    refreshed_at = models.DateTimeField(_("refreshed at"), null=True)
    alarmed_at = models.DateTimeField(_("alarmed at"), null=True)

    class Meta:
        verbose_name = _("check of a token")
        verbose_name_plural = _("checks of tokens")

    def __str__(self) -> str:
        return f"{self.state} {self.destination_id}"
