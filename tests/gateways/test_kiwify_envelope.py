"""Kiwify's messages as they are signed, flat or inside an envelope: what is not proved is not read."""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from apps.gateways.errors import PayloadError, SignatureError
from apps.gateways.events import GatewayEvent, Kind
from apps.gateways.recognise import likely_gateway
from apps.gateways.request import WebhookRequest
from tests.gateways.samples import Sample, request_of, sample_named
from tests.gateways.test_kiwify import FLAT, KIWIFY

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
TOKEN = "a-token-of-the-tests"

each_flat = pytest.mark.parametrize("sample", FLAT, ids=str)


def sha1(body: bytes, token: str = TOKEN) -> str:
    return hmac.new(token.encode(), body, hashlib.sha1).hexdigest()


def compact(document: Any) -> bytes:
    """As JavaScript's JSON.stringify writes it."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def wrapped(sample: Sample, **beside: Any) -> dict[str, Any]:
    name = "cart" if "status" in sample.document else "order"
    return {"url": "https://hooks.example.com/1", "signature": "0" * 40, name: sample.document} | beside


def parse(document: Any) -> list[GatewayEvent]:
    return KIWIFY.parse(request_of(compact(document)))


def signed(body: bytes, signature: str) -> WebhookRequest:
    return request_of(body).with_query("signature", signature)


# --- What is read ---


@each_flat
def test_an_envelope_changes_nothing_of_its_message(sample: Sample) -> None:
    request = request_of(compact(wrapped(sample)))

    assert KIWIFY.parse(request) == KIWIFY.parse(sample.request)
    assert likely_gateway(request) is KIWIFY


@pytest.mark.parametrize("lost", [("url",), ("signature",), ("url", "signature")])
@each_flat
def test_an_envelope_is_known_by_its_message(sample: Sample, lost: tuple[str, ...]) -> None:
    envelope = {name: value for name, value in wrapped(sample).items() if name not in lost}

    assert parse(envelope) == KIWIFY.parse(sample.request)


@pytest.mark.parametrize("nothing", [None, [], {}, "", " "])
def test_an_envelope_without_its_message_is_an_error(nothing: Any) -> None:
    with pytest.raises(PayloadError) as error:
        parse(wrapped(sample_named("kiwify", "pix_created.json"), order=nothing))

    assert (error.value.path, error.value.found) == ("order or cart", "nothing")


@pytest.mark.parametrize("wrong", ["text", 7, True, [1], [{"order_id": "a"}]])
def test_an_envelope_around_something_else_is_an_error(wrong: Any) -> None:
    with pytest.raises(PayloadError) as error:
        parse(wrapped(sample_named("kiwify", "pix_created.json"), order=wrong))

    assert error.value.path == "order"


def test_errors_inside_an_envelope_are_named_from_the_root() -> None:
    order = sample_named("kiwify", "pix_created.json").document
    order["Commissions"]["charge_amount"] = "R$ 10"

    with pytest.raises(PayloadError) as error:
        parse({"order": order})

    assert error.value.path == "order.Commissions.charge_amount"


def test_an_unknown_word_inside_an_envelope_is_harmless() -> None:
    order = sample_named("kiwify", "pix_created.json").document | {"webhook_event_type": "a_new_word", "Customer": 7}

    assert parse({"order": order}) == [GatewayEvent(Kind.UNKNOWN, "a_new_word")]


def test_several_messages_in_one_body_are_all_read() -> None:
    flat, cart = sample_named("kiwify", "pix_created.json"), sample_named("kiwify", "cart_abandoned.json")

    events = parse([flat.document, wrapped(cart)])

    assert [event.kind for event in events] == [Kind.PAYMENT_PENDING, Kind.ABANDONED_CHECKOUT]


# --- Who sent it ---


@each_flat
def test_the_signature_is_over_the_exact_bytes(sample: Sample) -> None:
    body = sample.request.body

    KIWIFY.verify(signed(body, sha1(body)), ["another", TOKEN], NOW)
    for other in (body + b"\n", compact(sample.document), json.dumps(sample.document).encode()):
        assert other != body
        with pytest.raises(SignatureError) as refusal:
            KIWIFY.verify(signed(other, sha1(body)), [TOKEN], NOW)
        assert refusal.value.reason == "mismatch"


@each_flat
def test_a_signature_over_the_message_inside_an_envelope_is_accepted(sample: Sample) -> None:
    body = json.dumps(wrapped(sample)).encode()

    KIWIFY.verify(signed(body, sha1(compact(sample.document))), [TOKEN], NOW)


@pytest.mark.parametrize("token", ["", " "])
def test_a_webhook_without_a_token_proves_nothing(token: str) -> None:
    body = sample_named("kiwify", "order_approved_pix.json").request.body

    with pytest.raises(SignatureError):
        KIWIFY.verify(signed(body, sha1(body, token)), [token], NOW)


def test_the_signature_written_inside_the_envelope_is_no_proof() -> None:
    sample = sample_named("kiwify", "order_approved_pix.json")
    body = compact(wrapped(sample, signature=sha1(compact(sample.document))))

    with pytest.raises(SignatureError) as refusal:
        KIWIFY.verify(request_of(body), [TOKEN], NOW)

    assert refusal.value.reason == "missing"


def test_an_altered_message_inside_an_envelope_is_refused() -> None:
    sample = sample_named("kiwify", "order_approved_pix.json")
    genuine = sha1(compact(sample.document))
    forged = sample.document | {"order_id": "forged"}

    with pytest.raises(SignatureError):
        KIWIFY.verify(signed(compact({"order": forged}), genuine), [TOKEN], NOW)


@pytest.mark.parametrize("name", ["cart", "order_id", "webhook_event_type", "Commissions"])
def test_what_is_put_around_a_signed_message_is_never_read(name: str) -> None:
    genuine, forged = sample_named("kiwify", "pix_created.json"), sample_named("kiwify", "order_approved_card.json")
    around = forged.document | {"cart": forged.document}
    body = compact({"order": genuine.document, name: around[name]})

    request = signed(body, sha1(compact(genuine.document)))

    KIWIFY.verify(request, [TOKEN], NOW)
    assert KIWIFY.parse(request) == KIWIFY.parse(genuine.request)


def test_a_signed_message_between_two_of_its_name_is_not_taken_for_the_other() -> None:
    genuine = compact(sample_named("kiwify", "pix_created.json").document)
    forged = compact(sample_named("kiwify", "order_approved_card.json").document)

    last_is_genuine = signed(b'{"order":%s,"order":%s}' % (forged, genuine), sha1(genuine))
    last_is_forged = signed(b'{"order":%s,"order":%s}' % (genuine, forged), sha1(genuine))

    KIWIFY.verify(last_is_genuine, [TOKEN], NOW)
    assert KIWIFY.parse(last_is_genuine) == KIWIFY.parse(request_of(genuine))
    with pytest.raises(SignatureError):
        KIWIFY.verify(last_is_forged, [TOKEN], NOW)
