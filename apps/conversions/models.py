"""The delivery ledger, the quarantine, and conversions (orders).

Deliveries and conversions are written set-based by services.py; everything personal in them is hashed, but for the
buyer's IP address.
"""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from apps.conversions.transitions import Status
from apps.core.fields import EncryptedBytesField
from apps.funnels.models import Endpoint, Funnel
from apps.tenants.models import TenantOwned

STATUS_CHOICES = [
    (Status.ABANDONED.value, _("abandoned")),
    (Status.PENDING.value, _("pending")),
    (Status.REFUSED.value, _("refused")),
    (Status.EXPIRED.value, _("expired")),
    (Status.CANCELLED.value, _("cancelled")),
    (Status.APPROVED.value, _("approved")),
    (Status.PARTIALLY_REFUNDED.value, _("partially refunded")),
    (Status.DISPUTED.value, _("disputed")),
    (Status.REFUNDED.value, _("refunded")),
    (Status.CHARGED_BACK.value, _("charged back")),
]


class Outcome(models.TextChoices):
    """What became of a delivery."""

    RECORDED = "recorded", _("recorded")
    IGNORED = "ignored", _("ignored: says nothing of an order")
    UNKNOWN = "unknown", _("unknown word of the gateway: kept and counted")
    QUARANTINED = "quarantined", _("could not be read: in quarantine")
    UNCONFIRMED = "unconfirmed", _("waits until the gateway's own API confirms it")


class Delivery(TenantOwned):
    """One authentic webhook request. `fact` is what it says, an OrderFact as JSON; repeats share a `fingerprint`."""

    endpoint = models.ForeignKey(Endpoint, on_delete=models.PROTECT, db_index=False, verbose_name=_("endpoint"))
    gateway = models.CharField(_("gateway"), max_length=20)
    received_at = models.DateTimeField(_("received at"), db_default=Now())
    outcome = models.CharField(_("outcome"), max_length=12, choices=Outcome)
    kind = models.CharField(_("kind"), max_length=30)
    vendor_event = models.CharField(_("gateway's word"), max_length=200, blank=True)
    order_id = models.CharField(_("order id"), max_length=200, blank=True)
    fingerprint = models.CharField(max_length=64, blank=True)
    fact = models.JSONField(_("what it says"), null=True)
    correlation_id = models.CharField(_("correlation id"), max_length=64)

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        indexes: ClassVar = [models.Index(fields=["tenant", "gateway", "order_id"], name="delivery_order")]

    def __str__(self) -> str:
        return f"{self.gateway} {self.vendor_event}"


class Quarantine(TenantOwned):
    """A genuine delivery that could not be read: its bytes, encrypted and without secrets, and where reading stopped.

    `differences` from the gateway's known contract: [{"path", "expected", "found"}], types only. `due_at` set means:
    read it again; the ingest lane does.
    """

    class State(models.TextChoices):
        """Where a quarantined delivery stands."""

        WAITING = "waiting", _("waiting for a fix")
        UNCONFIRMED = "unconfirmed", _("waiting for the gateway's own API")
        REPLAYED = "replayed", _("read after a fix")

    delivery = models.OneToOneField(Delivery, on_delete=models.CASCADE, verbose_name=_("delivery"))
    body = EncryptedBytesField()
    content_type = models.CharField(_("content type"), max_length=200, blank=True)
    path = models.CharField(_("path"), max_length=300)
    expected = models.CharField(_("expected"), max_length=200)
    found = models.CharField(_("found"), max_length=200)
    differences = models.JSONField(
        _("differences from the known contract"), default=list, db_default=models.Value([], models.JSONField())
    )
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.WAITING)
    due_at = models.DateTimeField(_("read again at"), null=True, blank=True)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    resolved_at = models.DateTimeField(_("resolved at"), null=True, blank=True)

    class Meta:
        verbose_name = _("quarantined delivery")
        verbose_name_plural = _("quarantine")
        indexes: ClassVar = [
            models.Index(fields=["due_at"], name="quarantine_due", condition=models.Q(due_at__isnull=False)),
            models.Index(fields=["state"], name="quarantine_open", condition=~models.Q(state="replayed")),
        ]

    def __str__(self) -> str:
        return f"{self.path}: expected {self.expected}, found {self.found}"


class DriftNotice(TenantOwned):
    """A field that a gateway began to send and that no contract knows: nothing is lost, but somebody should look.

    One row for each path, gateway and version of its format (empty where bodies name none). Names only, no values.
    """

    gateway = models.CharField(_("gateway"), max_length=20)
    version = models.CharField(_("version of the format"), max_length=40, blank=True)
    path = models.CharField(_("path"), max_length=300)
    first_seen_at = models.DateTimeField(_("first seen at"), db_default=Now())
    last_seen_at = models.DateTimeField(_("last seen at"), db_default=Now())

    class Meta:
        verbose_name = _("new field of a gateway")
        verbose_name_plural = _("new fields of gateways")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "gateway", "version", "path"], name="drift_once")
        ]

    def __str__(self) -> str:
        return f"{self.gateway} {self.version} {self.path}"


class AdapterComparison(TenantOwned):
    """One delivery as the adapter in use and a candidate read it; `differences` is empty when they agree.

    Of differing members both readings are kept as text, hashes in place of personal data.
    """

    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, verbose_name=_("endpoint"))
    received_at = models.DateTimeField(_("received at"), db_default=Now())
    version = models.PositiveSmallIntegerField(_("version in use"))
    candidate = models.PositiveSmallIntegerField(_("candidate's version"))
    order_id = models.CharField(_("order id"), max_length=200, blank=True)
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    amount = models.DecimalField(_("amount in use"), max_digits=18, decimal_places=3, null=True)
    candidate_amount = models.DecimalField(_("candidate's amount"), max_digits=18, decimal_places=3, null=True)
    differences = models.JSONField(_("differences"), default=list)

    class Meta:
        verbose_name = _("comparison of adapters")
        verbose_name_plural = _("comparisons of adapters")
        indexes: ClassVar = [models.Index(fields=["endpoint", "-id"], name="comparison_newest")]

    def __str__(self) -> str:
        return f"{self.order_id} v{self.version}/v{self.candidate}"


class Conversion(TenantOwned):
    """An order as the hub knows it: the fold of its deliveries' facts (transitions.OrderState).

    `match_due_at` is when matching looks at it (again): at once when something changed, later while it is not sure.
    """

    funnel = models.ForeignKey(Funnel, on_delete=models.PROTECT, db_index=False, verbose_name=_("funnel"))
    endpoint = models.ForeignKey(Endpoint, on_delete=models.PROTECT, db_index=False, verbose_name=_("endpoint"))
    gateway = models.CharField(_("gateway"), max_length=20)
    order_id = models.CharField(_("order id"), max_length=200)
    status = models.CharField(_("status"), max_length=20, choices=STATUS_CHOICES)
    amount = models.DecimalField(_("amount"), max_digits=18, decimal_places=3, null=True)
    refunded_amount = models.DecimalField(_("refunded"), max_digits=18, decimal_places=3, db_default=0)
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    occurred_at = models.DateTimeField(_("occurred at"))
    approved_at = models.DateTimeField(_("approved at"), null=True)
    received_at = models.DateTimeField(_("first heard of at"), db_default=Now())
    changed_at = models.DateTimeField(_("changed at"), db_default=Now())
    identity = models.JSONField(_("identity hashes"), default=dict)
    email_sha256 = models.CharField(_("e-mail hash"), max_length=64, blank=True)
    phone_sha256 = models.CharField(_("phone hash"), max_length=64, blank=True)
    buyer_ip = models.GenericIPAddressField(_("buyer's IP address"), null=True)
    buyer_device = models.CharField(_("buyer's device"), max_length=60, blank=True, db_default="")
    tracking = models.JSONField(_("tracking"), default=dict)
    click_ref = models.CharField(_("click id carried through"), max_length=32, blank=True)
    session_ref = models.CharField(_("session id carried through"), max_length=32, blank=True)
    product_id = models.CharField(_("product id"), max_length=200, blank=True)
    product_name = models.CharField(_("product"), max_length=1000, blank=True)
    offer_id = models.CharField(_("offer"), max_length=200, blank=True, db_default="")
    payment_method = models.CharField(_("payment method"), max_length=20, blank=True)
    installments = models.IntegerField(_("instalments"), null=True)
    items = models.JSONField(_("items"), default=list, db_default=models.Value([], models.JSONField()))
    net_amount = models.DecimalField(_("net amount"), max_digits=18, decimal_places=3, null=True)
    gateway_fee = models.DecimalField(_("gateway's fee"), max_digits=18, decimal_places=3, null=True)
    producer_commission = models.DecimalField(_("producer's commission"), max_digits=18, decimal_places=3, null=True)
    affiliate_commission = models.DecimalField(_("affiliates' commission"), max_digits=18, decimal_places=3, null=True)
    parent_order_id = models.CharField(_("part of order"), max_length=200, blank=True, db_default="")
    milestones = models.JSONField(_("first times"), default=dict, db_default=models.Value({}, models.JSONField()))
    subscription_id = models.CharField(_("subscription id"), max_length=200, blank=True)
    is_renewal = models.BooleanField(_("renewal"), default=False)
    is_test = models.BooleanField(_("gateway's test"), default=False)
    correlation_id = models.CharField(_("correlation id"), max_length=64)
    match_due_at = models.DateTimeField(_("to be matched at"), null=True)
    match_failures = models.PositiveSmallIntegerField(_("failed matchings"), db_default=0)

    class Meta:
        verbose_name = _("conversion")
        verbose_name_plural = _("conversions")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "gateway", "order_id"], name="conversion_order_once")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["match_due_at"],
                name="conversion_match_due",
                condition=models.Q(match_due_at__isnull=False),
            ),
            models.Index(fields=["tenant", "-id"], name="conversion_newest"),
            models.Index(fields=["tenant", "funnel", "occurred_at"], name="conversion_funnel_time"),
            models.Index(
                fields=["tenant", "email_sha256"], name="conversion_email", condition=~models.Q(email_sha256="")
            ),
            models.Index(
                fields=["tenant", "phone_sha256"], name="conversion_phone", condition=~models.Q(phone_sha256="")
            ),
            models.Index(
                fields=["tenant", "parent_order_id"],
                name="conversion_children",
                condition=~models.Q(parent_order_id=""),
            ),
            models.Index(
                fields=["match_failures"], name="conversion_set_aside", condition=models.Q(match_failures__gte=5)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.gateway} {self.order_id}"
