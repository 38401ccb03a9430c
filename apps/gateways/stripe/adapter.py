"""Stripe's dialect, in whichever API version an account was set to."""

from apps.gateways.base import Adapter
from apps.gateways.events import SALES, GatewayEvent, Kind
from apps.gateways.payload import Payload
from apps.gateways.scalars import IDENTIFIER, TEXT
from apps.gateways.signatures import TimestampedHmac
from apps.gateways.stripe import tables
from apps.gateways.stripe.buyer import read_buyer, read_method
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
    delivery_id_path = "id"

    def kind_of(self, word: str, payload: Payload) -> Kind:
        words = [word, *(payload.text(path) for path in tables.DETAILS.get(word, ()))]
        rows = (" ".join(words[:length]) for length in range(len(words), 0, -1))
        kind = next((self.event_types[row] for row in rows if row in self.event_types), Kind.UNKNOWN)
        if kind is Kind.REFUNDED and not payload.flag("data.object.refunded"):
            return Kind.PARTIALLY_REFUNDED
        if kind is Kind.RENEWED and not payload.minor_units("data.object.amount_paid"):
            return Kind.IGNORED  # paid by a coupon or from credit: no money came in
        return kind

    def read(self, payload: Payload, kind: Kind, word: str) -> GatewayEvent:
        thing, name = payload.at("data.object"), word.rpartition(".")[0]
        order, subscription = tables.ORDER[name], tables.SUBSCRIPTION.get(name)
        read_currency, read_amount = thing.maybe_currency, thing.maybe_minor_units
        if kind in SALES:
            read_currency, read_amount = thing.currency, thing.minor_units
        currency = read_currency("currency")
        decimals = tables.DECIMALS.get(currency or "", 2)
        click_id = thing.maybe_text("client_reference_id")
        metadata = thing.strings(*tables.METADATA)
        return GatewayEvent(
            kind=kind,
            vendor_event=word,
            delivery_id=self.delivery_id(payload),
            order_id=thing.identifier(*order) if order else None,
            occurred_at=payload.epoch_s("created"),
            amount=read_amount(*tables.AMOUNT, decimals=decimals),
            refunded_amount=thing.maybe_minor_units("amount_refunded", decimals=decimals),
            currency=currency,
            buyer=read_buyer(thing),
            tracking=keep_tracking(metadata | ({"client_reference_id": click_id} if click_id else {})),
            product_id=IDENTIFIER.convert(metadata.get("product_id")),
            product_name=TEXT.convert(metadata.get("product_name")),
            offer_id=thing.maybe_identifier("payment_link"),
            payment_method=read_method(thing),
            is_test=payload.maybe_flag("livemode") is False,
            subscription_id=thing.maybe_identifier(*subscription) if subscription else None,
        )
