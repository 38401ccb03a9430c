"""The JSON of conversions and events (DESIGN section 8)."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.clicks.models import PageEvent
from apps.conversions.models import Conversion
from apps.core.api import MoneyText
from apps.dispatch.consent import Word
from apps.dispatch.models import Attempt, CapiEvent, Send
from apps.dispatch.selectors import consent_of
from apps.dispatch.story import tell_story
from apps.matching.api.serializers import MatchOutput


class EventSummary(serializers.Serializer[CapiEvent]):
    """An event as its conversion lists it."""

    event_id = serializers.CharField()
    event_name = serializers.CharField()
    status = serializers.CharField()
    event_time = serializers.DateTimeField()


class ConversionOutput(serializers.Serializer[Conversion]):
    """An order as the hub knows it; hashes only."""

    id = serializers.IntegerField()
    order_id = serializers.CharField()
    gateway = serializers.CharField()
    status = serializers.CharField()
    amount = MoneyText()
    refunded_amount = MoneyText()
    currency = serializers.CharField()
    occurred_at = serializers.DateTimeField()
    approved_at = serializers.DateTimeField(allow_null=True)
    is_test = serializers.BooleanField()
    product_id = serializers.CharField()
    product_name = serializers.CharField()
    offer_id = serializers.CharField()
    payment_method = serializers.CharField()
    installments = serializers.IntegerField(allow_null=True)
    items = serializers.JSONField()
    net_amount = MoneyText()
    gateway_fee = MoneyText()
    producer_commission = MoneyText()
    affiliate_commission = MoneyText()
    parent_order_id = serializers.CharField()
    subscription_id = serializers.CharField()
    email_sha256 = serializers.SerializerMethodField()
    phone_sha256 = serializers.SerializerMethodField()
    tracking = serializers.JSONField()
    match = serializers.SerializerMethodField()
    events = EventSummary(source="capi_events", many=True)
    correlation_id = serializers.CharField()

    def get_email_sha256(self, row: Conversion) -> str | None:
        return row.email_sha256 or None

    def get_phone_sha256(self, row: Conversion) -> str | None:
        return row.phone_sha256 or None

    def get_match(self, row: Conversion) -> dict[str, Any] | None:
        match = getattr(row, "match", None)
        return dict(MatchOutput(match).data) if match else None


class SendOutput(serializers.Serializer[Send]):
    """Where the event stands at one destination."""

    destination_id = serializers.UUIDField()
    platform = serializers.CharField(source="destination.platform")
    pixel_id = serializers.CharField(source="destination.pixel_id")
    status = serializers.CharField()
    reason = serializers.CharField()
    attempts = serializers.IntegerField()
    due_at = serializers.DateTimeField()
    deadline = serializers.DateTimeField()
    settled_at = serializers.DateTimeField(allow_null=True)


class EventOutput(EventSummary):
    """An event; `status` is its most urgent send's. Of an order, or of what happened on a page in `session_id`."""

    order_id = serializers.CharField(source="conversion.order_id", default=None)
    gateway = serializers.CharField(source="conversion.gateway", default=None)
    amount = MoneyText(source="conversion.amount", default=None)
    currency = serializers.CharField(source="conversion.currency", default=None)
    session_id = serializers.CharField(source="page_event.session.public_id", default=None)
    created_at = serializers.DateTimeField()
    correlation_id = serializers.CharField()
    sends = SendOutput(many=True)


class AttemptOutput(serializers.Serializer[Attempt]):
    """One request: what was sent, what came back, what to do next. It held `batch_size` events, this one among them."""

    destination_id = serializers.UUIDField(source="send.destination_id")
    number = serializers.IntegerField()
    batch_id = serializers.IntegerField()
    batch_size = serializers.IntegerField(source="batch.size")
    started_at = serializers.DateTimeField(source="batch.started_at")
    finished_at = serializers.DateTimeField(source="batch.finished_at", allow_null=True)
    outcome = serializers.SerializerMethodField()
    http_status = serializers.IntegerField(source="batch.http_status", allow_null=True)
    code = serializers.IntegerField(source="batch.code", allow_null=True)
    subcode = serializers.IntegerField(source="batch.subcode", allow_null=True)
    trace_id = serializers.CharField(source="batch.trace_id")
    next_step = serializers.CharField(source="batch.next_step")
    elapsed_ms = serializers.IntegerField(source="batch.elapsed_ms", allow_null=True)
    host = serializers.CharField(source="batch.url_host")
    api_version = serializers.CharField(source="batch.api_version")
    request = serializers.JSONField()
    response = serializers.CharField(source="batch.response")

    def get_outcome(self, attempt: Attempt) -> str:
        """A request without an outcome is still out, or its worker died."""
        return attempt.batch.outcome or "unknown"


class WordOutput(serializers.Serializer[Word]):
    """What the buyer last said of ads; nulls for one who never said anything."""

    answer = serializers.BooleanField(allow_null=True)
    source = serializers.CharField(allow_null=True)  # type: ignore[assignment]  # DRF takes it off the class
    at = serializers.DateTimeField(allow_null=True)


class ConsentOutput(serializers.Serializer[dict[str, Word]]):
    """The word that counted when the event happened, and the one that counts for the next send."""

    as_of_event = WordOutput()
    now = WordOutput()


class PageEventOutput(serializers.ModelSerializer[PageEvent]):
    """What happened on a page."""

    class Meta:
        model = PageEvent
        fields = ("name", "url", "occurred_at", "data")


class LineOutput(serializers.Serializer[Any]):
    """One moment of an event's story; `what` is a stable word. `destination_id` is null for what concerns all."""

    at = serializers.DateTimeField()
    what = serializers.CharField()
    text = serializers.CharField()
    destination_id = serializers.UUIDField(allow_null=True)


class EventDetail(EventOutput):
    """An event with its conversion and the match's evidence, or its page; its person's consent; every attempt in order;
    and the story of it all in sentences.

    `conversion` and `match` are null for a page event, `page_event` is null for an order's.
    """

    conversion = ConversionOutput(allow_null=True)
    page_event = PageEventOutput(allow_null=True)
    match = serializers.SerializerMethodField()
    consent = serializers.SerializerMethodField()
    attempts = serializers.SerializerMethodField()
    story = serializers.SerializerMethodField()

    @extend_schema_field(ConsentOutput)
    def get_consent(self, event: CapiEvent) -> dict[str, Any]:
        return dict(ConsentOutput(consent_of(event)).data)

    def get_match(self, event: CapiEvent) -> dict[str, Any] | None:
        match = getattr(event.conversion, "match", None)
        return dict(MatchOutput(match).data) if match else None

    def get_attempts(self, event: CapiEvent) -> list[dict[str, Any]]:
        tries = [attempt for send in event.sends.all() for attempt in send.tries.all()]
        ordered = sorted(tries, key=lambda attempt: attempt.batch.started_at)
        return [dict(AttemptOutput(attempt).data) for attempt in ordered]

    @extend_schema_field(LineOutput(many=True))
    def get_story(self, event: CapiEvent) -> Any:
        return LineOutput(tell_story(event), many=True).data
