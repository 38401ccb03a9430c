"""What the base class does for a gateway of which nothing is known but the form it filled in."""

from typing import ClassVar

import pytest

from apps.gateways.base import Adapter
from apps.gateways.errors import PayloadError
from apps.gateways.events import GatewayEvent, Kind
from apps.gateways.payload import Payload
from apps.gateways.registry import ADAPTERS, get_adapter
from apps.gateways.request import WebhookRequest
from apps.gateways.signatures import SharedToken


class ShopAdapter(Adapter):
    """A gateway that sends several orders in one body."""

    slug = "shop"
    label = "Shop"
    verifier = SharedToken(header="x-shop")
    secret_label = "Key"
    event_paths = ("what", "kind")
    event_types: ClassVar[dict[str, Kind]] = {"paid": Kind.APPROVED, "seen": Kind.IGNORED}
    click_id_field = "ref"
    delivery_id_path: ClassVar[str | None] = "message"

    def split(self, payload: Payload) -> list[Payload]:
        return list(payload.items("orders")) or [payload]

    def read(self, payload: Payload, kind: Kind, word: str) -> GatewayEvent:
        return GatewayEvent(kind, word, self.delivery_id(payload), payload.identifier("id"))


class SilentAdapter(ShopAdapter):
    """The same without ids of its messages."""

    delivery_id_path: ClassVar[str | None] = None


def parse(body: bytes, adapter: Adapter | None = None) -> list[GatewayEvent]:
    return (adapter or ShopAdapter()).parse(WebhookRequest(body))


def test_one_body_can_carry_several_events() -> None:
    events = parse(b'{"orders": [{"what": "paid", "id": 1, "message": "m1"}, {"kind": "new", "id": 2}]}')

    assert events == [
        GatewayEvent(Kind.APPROVED, "paid", "m1", "1"),
        GatewayEvent(Kind.UNKNOWN, "new"),
    ]


def test_a_known_but_useless_word_is_not_read_further() -> None:
    assert parse(b'{"what": "seen", "message": "m2"}') == [GatewayEvent(Kind.IGNORED, "seen", "m2")]


@pytest.mark.parametrize("message", [b"{}", b"[]", b'{"a":1}', b"true", b"null", b'"\\u0000"', b"1.5"])
def test_an_unknown_word_is_harmless_with_any_message_id(message: bytes) -> None:
    assert parse(b'{"what": "new", "message": ' + message + b"}") == [GatewayEvent(Kind.UNKNOWN, "new")]


def test_a_useful_word_with_an_unreadable_message_id_is_an_error() -> None:
    with pytest.raises(PayloadError) as error:
        parse(b'{"what": "paid", "id": 1, "message": {"a": 1}}')

    assert error.value.path == "message"


def test_a_gateway_may_have_no_message_ids() -> None:
    body = b'{"what": "paid", "id": 1, "message": "m1"}'

    assert parse(body, SilentAdapter()) == [GatewayEvent(Kind.APPROVED, "paid", None, "1")]


@pytest.mark.parametrize("body", [b"{}", b'{"what": null, "kind": ""}', b'{"orders": [{"id": 1}]}'])
def test_without_a_word_the_path_is_named(body: bytes) -> None:
    with pytest.raises(PayloadError) as error:
        parse(body)

    assert error.value.path.endswith("kind")
    assert error.value.found == "nothing"


def test_one_unreadable_event_fails_the_body_as_a_whole() -> None:
    with pytest.raises(PayloadError) as error:
        parse(b'{"orders": [{"what": "paid", "id": 1}, {"what": "paid"}]}')

    assert error.value.path == "orders.1.id"


def test_a_word_is_short() -> None:
    with pytest.raises(PayloadError):
        parse(b'{"what": "' + b"x" * 201 + b'"}')


def test_the_registry_knows_each_gateway_by_its_slug() -> None:
    assert {slug: adapter.slug for slug, adapter in ADAPTERS.items()} == {slug: slug for slug in ADAPTERS}
    assert {"hotmart", "stripe"} <= set(ADAPTERS)
    assert get_adapter("hotmart") is ADAPTERS["hotmart"]


@pytest.mark.parametrize("slug", ["", "shop", "HOTMART", "../hotmart", "hotmart/"])
def test_the_registry_knows_no_other(slug: str) -> None:
    assert get_adapter(slug) is None
