"""The orders API's two dialects behind one address."""

from apps.gateways.base import Adapter
from apps.gateways.events import GatewayEvent, Kind
from apps.gateways.orders import own, tables, utmify
from apps.gateways.payload import Payload
from apps.gateways.signatures import EitherWay, SharedToken, TimestampedHmac


class OrdersAdapter(Adapter):
    """Any shop or checkout. Either schema may come with either proof: a signature, or the token itself."""

    slug = "orders"
    label = "Orders API"
    verifier = EitherWay(TimestampedHmac(header="x-hubtrack-signature"), SharedToken(header="x-api-token"))
    secret_label = "API token"  # noqa: S105
    event_paths = ("status",)
    event_types = tables.EVENT_TYPES
    click_id_field = "sck"
    tell_tales = tables.TELL_TALES
    free_paths = tables.FREE_PATHS

    def kind_of(self, word: str, payload: Payload) -> Kind:
        """A word of the other schema is no word of this one."""
        words = tables.UTMIFY if utmify.is_utmify(payload) else tables.OWN
        return words.get(word, Kind.UNKNOWN)

    def read(self, payload: Payload, kind: Kind, word: str) -> GatewayEvent:
        read_order = utmify.read_order if utmify.is_utmify(payload) else own.read_order
        return read_order(payload, kind, word)
