"""Stripe's dialect, in whichever API version an account was set to."""

from apps.gateways.base import Adapter
from apps.gateways.events import GatewayEvent, Kind
from apps.gateways.payload import Payload
from apps.gateways.scalars import IDENTIFIER, TEXT
from apps.gateways.signatures import TimestampedHmac
from apps.gateways.stripe import tables
from apps.gateways.stripe.api import StripeApi
from apps.gateways.stripe.buyer import read_buyer, read_method
from apps.gateways.stripe.order import read_items, read_order_id
from apps.gateways.tracking import keep_tracking


class StripeAdapter(Adapter):
    """Stripe. All but the last part of a word names the object the message carries."""

    slug = "stripe"
    label = "Stripe"
    verifier = TimestampedHmac(header="stripe-signature")
    secret_label = "Signing secret"  # noqa: S105
    event_paths = ("type",)
    event_types = tables.EVENT_TYPES
    click_id_field = "client_reference_id"
    tell_tales = ("data.object.object",)
    free_paths = tables.FREE_PATHS
    version_path = tables.VERSION
    delivery_id_path = "id"
    api = StripeApi()

    def kind_of(self, word: str, payload: Payload) -> Kind:
        row = " ".join([word, *(payload.text(path) for path in tables.DETAILS.get(word, ()))])
        kind = super().kind_of(row, payload)
        if kind is Kind.REFUNDED and not payload.flag("data.object.refunded"):
            return Kind.PARTIALLY_REFUNDED
        if kind is Kind.RENEWED and not payload.minor_units("data.object.amount_paid"):
            return Kind.IGNORED  # paid by a coupon or from credit: no money came in
        return kind

    def read(self, payload: Payload, kind: Kind, word: str) -> GatewayEvent:
        thing, name = payload.at("data.object"), word.rpartition(".")[0]
        currency = thing.currency("currency") if name in tables.AMOUNT else None
        decimals = tables.DECIMALS.get(currency or "", 2)
        amount = thing.minor_units(tables.AMOUNT[name], decimals=decimals) if currency else None
        is_refund = kind in (Kind.REFUNDED, Kind.PARTIALLY_REFUNDED)
        read_subscription = thing.identifier if kind is Kind.SUBSCRIPTION_CANCELLED else thing.maybe_identifier
        subscription = tables.SUBSCRIPTION.get(name)
        click_id = thing.maybe_text("client_reference_id")
        metadata = thing.strings(*tables.METADATA)
        return GatewayEvent(
            kind=kind,
            vendor_event=word,
            delivery_id=self.delivery_id(payload),
            order_id=read_order_id(payload, kind, name, is_free=not amount),
            occurred_at=payload.epoch_s("created"),
            amount=amount,
            refunded_amount=thing.minor_units(tables.REFUNDED, decimals=decimals) if is_refund else None,
            currency=currency,
            buyer=read_buyer(thing),
            tracking=keep_tracking(metadata | ({"client_reference_id": click_id} if click_id else {})),
            product_id=IDENTIFIER.convert(metadata.get("product_id")),
            product_name=TEXT.convert(metadata.get("product_name")),
            offer_id=thing.maybe_identifier("payment_link"),
            payment_method=read_method(thing),
            installments=thing.maybe_integer(tables.INSTALLMENTS),
            items=read_items(thing, decimals),
            is_test=not payload.flag("livemode"),
            subscription_id=read_subscription(*subscription) if subscription else None,
        )
