"""The match of a conversion: the decision, and the record that reproduces it."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from apps.clicks.models import Click
from apps.conversions.models import Conversion
from apps.matching.rules import Decision
from apps.tenants.models import TenantOwned

DECISION_CHOICES = [
    (Decision.AUTO.value, _("automatic")),
    (Decision.REVIEW.value, _("to be reviewed")),
    (Decision.UNMATCHED.value, _("no click found")),
]


class Match(TenantOwned):
    """One decision a conversion. `evidence` holds every candidate as rules.decide wrote it, the winner first."""

    conversion = models.OneToOneField(Conversion, on_delete=models.CASCADE, verbose_name=_("conversion"))
    click = models.ForeignKey(Click, on_delete=models.PROTECT, null=True, verbose_name=_("click"))
    decision = models.CharField(_("decision"), max_length=10, choices=DECISION_CHOICES)
    rule = models.CharField(_("rule"), max_length=40, blank=True)
    confidence = models.FloatField(_("confidence"))
    evidence = models.JSONField(_("evidence"), default=list)
    rule_set = models.CharField(_("rule set"), max_length=40)
    matched_at = models.DateTimeField(_("matched at"), db_default=Now())

    class Meta:
        verbose_name = _("match")
        verbose_name_plural = _("matches")
        indexes: ClassVar = [models.Index(fields=["tenant", "-id"], name="match_newest")]

    def __str__(self) -> str:
        return f"{self.decision} {self.rule}"
