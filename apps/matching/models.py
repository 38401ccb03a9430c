"""The match of a conversion, what people decided about it, the weights that score it, and comparisons of rule sets."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from apps.clicks.models import Click, Session
from apps.conversions.models import Conversion
from apps.funnels.models import Funnel
from apps.matching.rules import Decision
from apps.tenants.models import TenantOwned

DECISION_CHOICES = [
    (Decision.AUTO.value, _("automatic")),
    (Decision.REVIEW.value, _("to be reviewed")),
    (Decision.UNMATCHED.value, _("no click found")),
]


class ReviewState(models.TextChoices):
    """Where an unsure match stands. A match that needs no person has none of these."""

    PENDING = "pending_review", _("waits for a person")
    ACCEPTED = "accepted", _("accepted")
    REJECTED = "rejected", _("rejected")
    CHOSEN = "chosen", _("another click chosen")
    TIMED_OUT = "timed_out", _("time ran out: the funnel's rule was applied")


class Match(TenantOwned):
    """One decision a conversion. `click` is the winner or, in review, the proposal; only while `is_used` do others
    learn of it. `visit` is the buyer's visit where no click brought the sale (view-through).

    `evidence` holds every candidate, the winner or the nearest miss first; with `record` it reproduces the decision
    (record.py). `better` is what later facts would have decided once the sale had been told: a record beside, no more.
    """

    conversion = models.OneToOneField(Conversion, on_delete=models.CASCADE, verbose_name=_("conversion"))
    click = models.ForeignKey(Click, on_delete=models.PROTECT, null=True, verbose_name=_("click"))
    visit = models.ForeignKey(Session, on_delete=models.PROTECT, null=True, db_index=False, verbose_name=_("visit"))
    decision = models.CharField(_("decision"), max_length=10, choices=DECISION_CHOICES)
    is_used = models.BooleanField(_("is told to the platforms"), default=False, db_default=False)
    rule = models.CharField(_("rule"), max_length=40, blank=True)
    confidence = models.FloatField(_("confidence"))
    evidence = models.JSONField(_("evidence"), default=list)
    record = models.JSONField(_("record"), default=dict, db_default=models.Value({}, models.JSONField()))
    rule_set = models.CharField(_("rule set"), max_length=60)
    matched_at = models.DateTimeField(_("matched at"), db_default=Now())
    review = models.CharField(_("review"), max_length=20, choices=ReviewState, blank=True, db_default="")
    review_due_at = models.DateTimeField(_("to be reviewed until"), null=True)
    better = models.JSONField(_("better answer"), null=True)

    class Meta:
        verbose_name = _("match")
        verbose_name_plural = _("matches")
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-id"], name="match_newest"),
            models.Index(
                fields=["review_due_at"], name="match_review_due", condition=models.Q(review=ReviewState.PENDING)
            ),
            models.Index(fields=["tenant", "review", "-id"], name="match_review", condition=~models.Q(review="")),
        ]

    def __str__(self) -> str:
        return f"{self.decision} {self.rule}"


class MatchReview(TenantOwned):
    """What became of a match in review: by whom, when, and which click was proposed and which taken. Never changed."""

    match = models.ForeignKey(Match, on_delete=models.CASCADE, related_name="reviews", verbose_name=_("match"))
    outcome = models.CharField(_("outcome"), max_length=20, choices=ReviewState)
    proposed = models.ForeignKey(
        Click, on_delete=models.PROTECT, null=True, related_name="+", db_index=False, verbose_name=_("proposed click")
    )
    click = models.ForeignKey(
        Click, on_delete=models.PROTECT, null=True, related_name="+", db_index=False, verbose_name=_("click taken")
    )
    confidence = models.FloatField(_("confidence"))
    actor = models.CharField(_("decided by"), max_length=200, blank=True)
    note = models.CharField(_("note"), max_length=500, blank=True)
    decided_at = models.DateTimeField(_("decided at"), db_default=Now())

    class Meta:
        verbose_name = _("review of a match")
        verbose_name_plural = _("reviews of matches")

    def __str__(self) -> str:
        return f"{self.outcome} {self.match_id}"


class FittedWeights(TenantOwned):
    """Weights fitted to a tenant's own matches. A funnel published with their `name` runs them; they never change.

    `weights` is read through scoring.WeightSet; `report` tells what they were fitted on and how they did.
    """

    name = models.CharField(_("name"), max_length=40)
    weights = models.JSONField(_("weights"))
    report = models.JSONField(_("report"), default=dict)
    actor = models.CharField(_("fitted by"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created at"), db_default=Now())

    class Meta:
        verbose_name = _("fitted weights")
        verbose_name_plural = _("fitted weights")
        constraints: ClassVar = [models.UniqueConstraint(fields=["tenant", "name"], name="fitted_weights_once")]

    def __str__(self) -> str:
        return self.name


class Comparison(TenantOwned):
    """What a funnel's draft would make of the last `days` of stored facts, beside what runs (comparing.py).

    `draft` and `running` are the two configurations compared. `cursor` is the last conversion looked at, so that
    another worker can go on; `summary` adds up as it goes: by kind and currency, sales and money.
    """

    class State(models.TextChoices):
        """How far it is."""

        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    funnel = models.ForeignKey(Funnel, on_delete=models.CASCADE, related_name="+", verbose_name=_("funnel"))
    draft = models.JSONField(_("draft"))
    running = models.JSONField(_("running"))
    days = models.PositiveSmallIntegerField(_("days"))
    begins_at = models.DateTimeField(_("sales since"))
    ends_at = models.DateTimeField(_("sales until"))
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.RUNNING)
    total = models.PositiveIntegerField(_("sales to compare"), default=0)
    done = models.PositiveIntegerField(_("sales compared"), default=0)
    cursor = models.BigIntegerField(default=0, editable=False)
    summary = models.JSONField(_("summary"), default=dict)
    actor = models.CharField(_("asked by"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created at"), db_default=Now())
    finished_at = models.DateTimeField(_("finished at"), null=True)

    class Meta:
        verbose_name = _("comparison of rules")
        verbose_name_plural = _("comparisons of rules")
        indexes: ClassVar = [
            models.Index(fields=["created_at"], name="comparison_running", condition=models.Q(state="running"))
        ]

    def __str__(self) -> str:
        return f"{self.funnel_id} {self.done}/{self.total}"

    @property
    def percent(self) -> int:
        """How much is done; of sales that came in meanwhile, the total does not know."""
        if self.state == self.State.DONE:
            return 100
        return min(100 * self.done // self.total, 99) if self.total else 0


class Difference(TenantOwned):
    """One sale that a draft decides otherwise: gained, lost, or given to another click."""

    class Kind(models.TextChoices):
        """What the draft would change."""

        GAINED = "gained", _("gained: matched by the draft only")
        LOST = "lost", _("lost: matched by what runs only")
        MOVED = "reattributed", _("given to another click")

    comparison = models.ForeignKey(Comparison, on_delete=models.CASCADE, related_name="differences")
    conversion = models.ForeignKey(Conversion, on_delete=models.CASCADE, db_index=False)
    kind = models.CharField(_("what changes"), max_length=12, choices=Kind)
    amount = models.DecimalField(_("amount"), max_digits=18, decimal_places=3, null=True)
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    before = models.JSONField(_("what runs decides"))
    after = models.JSONField(_("the draft decides"))

    class Meta:
        verbose_name = _("difference")
        verbose_name_plural = _("differences")
        constraints: ClassVar = [models.UniqueConstraint(fields=["comparison", "conversion"], name="difference_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.conversion_id}"
