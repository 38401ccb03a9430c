"""The orders API as a whole: which of two schemas a body is in, and which of two proofs it comes with."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.gateways.errors import PayloadError, Refusal, SignatureError
from apps.gateways.events import GatewayEvent, Kind
from apps.gateways.orders import tables
from apps.gateways.payload import Payload
from apps.gateways.registry import ADAPTERS
from apps.gateways.request import WebhookRequest
from apps.gateways.signatures import SharedToken, Strength, TimestampedHmac
from tests.gateways.samples import MISSING, Place, all_samples, request_of, sample_named, samples_of, with_value

ORDERS = ADAPTERS["orders"]
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
TOKEN = "a-token-of-the-tests"
SIGNED = TimestampedHmac(header="x-hubtrack-signature")
PLAIN = SharedToken(header="x-api-token")
PAID = "utmify_paid_pix.json"
APPROVED = "own_approved.json"


def read(name: str, *changes: tuple[Place, Any]) -> GatewayEvent:
    """The event of a fixture, with values of its body changed."""
    sample = sample_named("orders", name)
    document = sample.document
    for place, value in changes:
        document = with_value(document, place, value)
    (event,) = ORDERS.parse(sample.request_with(document))
    return event


def error_of(name: str, *changes: tuple[Place, Any]) -> PayloadError:
    with pytest.raises(PayloadError) as error:
        read(name, *changes)
    return error.value


def refusal_of(request: WebhookRequest, *secrets: str) -> Refusal:
    with pytest.raises(SignatureError) as refusal:
        ORDERS.verify(request, secrets, NOW)
    return refusal.value.reason


# --- Which schema ---


@pytest.mark.parametrize("word", sorted(set(tables.OWN) - set(tables.UTMIFY)))
def test_a_word_of_the_hubs_own_schema_is_no_word_of_utmifys(word: str) -> None:
    assert read(PAID, (("status",), word)).kind is Kind.UNKNOWN


@pytest.mark.parametrize("word", sorted(set(tables.UTMIFY) - set(tables.OWN)))
def test_a_word_of_utmifys_schema_is_no_word_of_the_hubs_own(word: str) -> None:
    assert read(APPROVED, (("status",), word)).kind is Kind.UNKNOWN


def test_the_words_of_both_schemas_mean_the_same() -> None:
    shared = set(tables.OWN) & set(tables.UTMIFY)

    assert shared == {"refused", "refunded"}
    assert [tables.OWN[word] for word in shared] == [tables.UTMIFY[word] for word in shared]


@pytest.mark.parametrize(
    "word", ["PAID", "Paid", "approved", "pago", "cancelled", "in_protest", "chargeback", "pending"]
)
def test_no_spelling_is_guessed_at(word: str) -> None:
    event = read(PAID, (("status",), word))

    assert (event.kind, event.order_id, event.amount) == (Kind.UNKNOWN, None, None)


@pytest.mark.parametrize("name", ["utmify_refunded.json", "utmify_refused.json", PAID])
@pytest.mark.parametrize(
    ("place", "path"), [(("orderId",), "orderId"), (("commission",), "commission.totalPriceInCents")]
)
def test_a_body_that_lost_one_sign_of_its_schema_is_refused_for_it(name: str, place: Place, path: str) -> None:
    assert error_of(name, (place, MISSING)).path == path


def test_a_body_without_any_sign_of_utmifys_schema_is_no_sale() -> None:
    changes = ((("orderId",), MISSING), (("commission",), MISSING))

    assert read(PAID, *changes).kind is Kind.UNKNOWN
    assert error_of("utmify_refunded.json", *changes).path == "order_id"


def test_one_body_may_hold_messages_of_both_schemas() -> None:
    messages = [sample_named("orders", name).document for name in (PAID, APPROVED, "utmify_refunded.json")]

    events = ORDERS.parse(request_of(json.dumps(messages).encode()))

    assert [(event.kind, event.order_id) for event in events] == [
        (Kind.APPROVED, "CV-90031"),
        (Kind.APPROVED, "1042"),
        (Kind.REFUNDED, "CV-90031"),
    ]


def test_an_error_inside_a_list_names_the_message() -> None:
    messages = [sample_named("orders", name).document for name in (PAID, APPROVED)]

    with pytest.raises(PayloadError) as error:
        ORDERS.parse(request_of(json.dumps(with_value(messages, (1, "amount"), "R$ 10")).encode()))

    assert error.value.path == "1.amount"


def test_every_body_is_recognised_and_no_other_gateways_is() -> None:
    recognised = {str(sample) for sample in all_samples() if ORDERS.recognises(Payload(sample.document))}

    assert recognised == {str(sample) for sample in samples_of(ORDERS)}


# --- Who may send ---


@pytest.mark.parametrize("name", [PAID, APPROVED])
def test_either_schema_comes_with_either_proof(name: str) -> None:
    request = sample_named("orders", name).request

    for proof in (SIGNED, PLAIN):
        signed = proof.sign(request, TOKEN, NOW)
        ORDERS.verify(signed, ["an-older-token", TOKEN], NOW)
        assert refusal_of(signed, "an-older-token") == "mismatch"


def test_the_strength_shown_is_that_of_the_weaker_proof() -> None:
    assert ORDERS.verifier.strength is Strength.STATIC


@pytest.mark.parametrize(("header", "reason"), [(f"t=1773144000,v1={'0' * 64}", "mismatch"), (TOKEN, "malformed")])
def test_a_wrong_signature_is_not_made_good_by_the_token(header: str, reason: Refusal) -> None:
    request = PLAIN.sign(request_of(b"{}"), TOKEN, NOW)

    ORDERS.verify(request, [TOKEN], NOW)
    assert refusal_of(request.with_header("x-hubtrack-signature", header), TOKEN) == reason


def test_a_signature_covers_the_body_and_the_time() -> None:
    signed = SIGNED.sign(sample_named("orders", APPROVED).request, TOKEN, NOW)

    ORDERS.verify(signed, [TOKEN], NOW + timedelta(seconds=300))
    with pytest.raises(SignatureError, match="stale"):
        ORDERS.verify(signed, [TOKEN], NOW + timedelta(seconds=301))
    assert refusal_of(signed.with_body(signed.body.replace(b"1234.57", b"9234.57")), TOKEN) == "mismatch"


def test_a_signature_is_no_token() -> None:
    header = SIGNED.sign(request_of(b"{}"), TOKEN, NOW).headers["x-hubtrack-signature"]

    assert refusal_of(request_of(b"{}").with_header("x-api-token", header), TOKEN) == "mismatch"
    assert refusal_of(request_of(b"{}").with_header("authorization", TOKEN), TOKEN) == "missing"
