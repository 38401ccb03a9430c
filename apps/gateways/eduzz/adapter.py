"""Eduzz's dialect."""

from apps.gateways.base import Adapter
from apps.gateways.eduzz import tables
from apps.gateways.eduzz.api import EduzzApi
from apps.gateways.eduzz.buyer import read_buyer
from apps.gateways.eduzz.invoice import read_items, read_method, read_parent, read_slip
from apps.gateways.eduzz.signature import HeaderHmac
from apps.gateways.eduzz.tracking import read_tracking
from apps.gateways.events import SALES, GatewayEvent, Kind
from apps.gateways.payload import Payload


class EduzzAdapter(Adapter):
    """Eduzz, webhooks 3: one envelope for all of its applications."""

    slug = "eduzz"
    label = "Eduzz"
    verifier = HeaderHmac(header="x-signature")
    secret_label = "Chave de acesso"  # noqa: S105
    event_paths = ("event",)
    event_types = tables.EVENT_TYPES
    click_id_field = "trk"
    tell_tales = (tables.SENT_AT,)
    delivery_id_path = "id"
    api = EduzzApi()

    def kind_of(self, word: str, payload: Payload) -> Kind:
        detail = tables.DETAILS.get(word)
        kind = super().kind_of(f"{word} {payload.text(detail)}" if detail else word, payload)
        is_later_slip = kind is Kind.APPROVED and (read_slip(payload) or 1) > 1
        return Kind.RENEWED if is_later_slip else kind

    def read(self, payload: Payload, kind: Kind, word: str) -> GatewayEvent:
        has_money = kind not in tables.MONEYLESS
        order = tables.ORDER_BY_KIND.get(kind, tables.INVOICE)
        read_contract = payload.identifier if kind in tables.OF_SUBSCRIPTIONS else payload.maybe_identifier
        moment = tables.MOMENTS.get(kind, tables.SENT_AT)
        currency = payload.currency(tables.CURRENCY) if has_money else None
        items = read_items(payload, currency)
        data = payload.at("data")
        return GatewayEvent(
            kind=kind,
            vendor_event=word,
            delivery_id=self.delivery_id(payload),
            order_id=payload.identifier(order) if order else None,
            occurred_at=payload.maybe_instant(moment, tables.SENT_AT),
            amount=payload.money(tables.PRICE) if has_money else None,
            currency=currency,
            buyer=read_buyer(data),
            tracking=read_tracking(data),
            product_id=items[0].product_id if items else None,
            product_name=(items[0].name or None) if items else None,
            payment_method=read_method(payload),
            installments=payload.maybe_integer("data.installments"),
            items=items,
            is_test=_is_test(payload),
            parent_order_id=read_parent(payload),
            subscription_id=read_contract(tables.CONTRACT),
            recurrence=read_slip(payload) if kind in SALES else None,
        )


def _is_test(payload: Payload) -> bool:
    return sum(payload.maybe_identifier(path) in signs for path, signs in tables.TEST_SIGNS) > 1
