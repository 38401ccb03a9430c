"""Kiwify's dialect."""

from collections.abc import Iterable

from apps.gateways.base import Adapter
from apps.gateways.errors import PayloadError
from apps.gateways.events import SALES, GatewayEvent, Item, Kind
from apps.gateways.kiwify import tables
from apps.gateways.kiwify.api import KiwifyApi
from apps.gateways.kiwify.buyer import read_buyer
from apps.gateways.kiwify.charges import count_charges, is_renewal
from apps.gateways.kiwify.money import with_money
from apps.gateways.payload import Payload
from apps.gateways.signatures import QueryHmac
from apps.gateways.tracking import keep_tracking


class KiwifyAdapter(Adapter):
    """Kiwify. An order's message names its event; a cart's has only a `status`."""

    slug = "kiwify"
    label = "Kiwify"
    verifier = QueryHmac(parameter="signature", wrapped_in=tables.WRAPPED_IN)
    secret_label = "Token"  # noqa: S105
    event_paths = ("webhook_event_type", "status")
    event_types = tables.EVENT_TYPES
    click_id_field = "sck"
    tell_tales = tables.TELL_TALES
    free_paths = tables.FREE_PATHS
    api = KiwifyApi()

    def split(self, payload: Payload) -> Iterable[Payload]:
        """The message alone. What surrounds it may be unsigned, so nothing there is read, whatever it says."""
        inner = next((name for name in tables.WRAPPED_IN if payload.has(name)), None)
        if inner:
            return (payload.at(inner),)
        if any(map(payload.has, tables.ENVELOPE)):
            raise PayloadError(" or ".join(tables.WRAPPED_IN), "an object", "nothing")
        return (payload,)

    def kind_of(self, word: str, payload: Payload) -> Kind:
        kind = super().kind_of(word, payload)
        return Kind.RENEWED if kind is Kind.APPROVED and is_renewal(payload) else kind

    def read(self, payload: Payload, kind: Kind, word: str) -> GatewayEvent:
        order = tables.ORDER_BY_KIND.get(kind, tables.ORDER)
        read_subscription = payload.maybe_identifier
        if kind is Kind.SUBSCRIPTION_CANCELLED:
            read_subscription = payload.identifier
        product_id = payload.maybe_identifier(*tables.PRODUCT)
        product_name = payload.maybe_text(*tables.PRODUCT_NAME)
        event = GatewayEvent(
            kind=kind,
            vendor_event=word,
            order_id=payload.identifier(order) if order else None,
            occurred_at=payload.maybe_local_time(*tables.MOMENTS.get(kind, ()), "updated_at"),
            buyer=read_buyer(payload),
            buyer_ip=payload.maybe_text("Customer.ip"),
            tracking=keep_tracking(payload.strings("TrackingParameters")),
            product_id=product_id,
            product_name=product_name,
            offer_id=payload.maybe_identifier("checkout_link"),
            payment_method=_read_method(payload),
            installments=payload.maybe_integer("installments"),
            items=(Item(product_id, product_name or ""),) if product_id else (),
            is_test=any(payload.maybe_text(*paths) == sign for paths, sign in tables.TEST_SIGNS),
            subscription_id=read_subscription(*tables.SUBSCRIPTION),
            recurrence=(count_charges(payload) or None) if kind in SALES else None,
        )
        return event if kind in tables.WITHOUT_MONEY else with_money(event, payload.at("Commissions"))


def _read_method(payload: Payload) -> str | None:
    method = payload.maybe_text("payment_method")
    return tables.PAYMENT_METHODS.get(method.lower(), "other") if method else None
