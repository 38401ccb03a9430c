"""Eduzz's signature: an HMAC-SHA256 of the raw body, in hex, in a header."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest

from apps.gateways.errors import SignatureError
from apps.gateways.registry import ADAPTERS
from apps.gateways.request import WebhookRequest
from apps.gateways.signatures import Strength

EDUZZ = ADAPTERS["eduzz"]
NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
KEY = "chave-dos-testes"
BODY = '{"id":"a","event":"ping","data":{"message":"olá"}}'.encode()
# What any other tool makes of it: printf '%s' BODY | openssl dgst -sha256 -hmac KEY
SIGNATURE = "eb1ca3a491aa389fa2d9846980c9c36b8c2f3f48d23f88fc4d042348f931f5f5"


def test_a_signature_made_elsewhere_is_accepted() -> None:
    EDUZZ.verify(WebhookRequest(BODY, {"X-Signature": SIGNATURE}), [KEY], NOW)

    assert EDUZZ.verifier.sign(WebhookRequest(BODY), KEY, NOW).headers == {"x-signature": SIGNATURE}
    assert EDUZZ.verifier.strength is Strength.HMAC


def test_any_of_the_keys_may_fit_while_one_replaces_another() -> None:
    request = WebhookRequest(BODY, {"x-signature": SIGNATURE})

    EDUZZ.verify(request, ["new-key", KEY], NOW)
    EDUZZ.verify(request, [KEY, "new-key"], NOW)


@pytest.mark.parametrize("age", [timedelta(0), timedelta(days=400), timedelta(days=-1)])
def test_no_time_is_signed_so_a_message_sent_again_is_genuine(age: timedelta) -> None:
    EDUZZ.verify(WebhookRequest(BODY, {"x-signature": SIGNATURE}), [KEY], NOW + age)


@pytest.mark.parametrize("body", [BODY + b"\n", BODY.replace(b"ping", b"pong"), BODY.replace(b":", b": "), b""])
def test_a_body_that_was_changed_is_refused(body: bytes) -> None:
    with pytest.raises(SignatureError) as refusal:
        EDUZZ.verify(WebhookRequest(body, {"x-signature": SIGNATURE}), [KEY], NOW)

    assert refusal.value.reason == "mismatch"


@pytest.mark.parametrize(
    "signature",
    [
        f"sha256={SIGNATURE}",
        SIGNATURE.upper(),
        SIGNATURE[:-2],
        hmac.new(KEY.encode(), BODY, hashlib.sha1).hexdigest(),
        hashlib.sha256(BODY + KEY.encode()).hexdigest(),
        KEY,
        "x" * 100_000,
    ],
)
def test_what_is_not_that_signature_is_refused(signature: str) -> None:
    with pytest.raises(SignatureError) as refusal:
        EDUZZ.verify(WebhookRequest(BODY, {"x-signature": signature}), [KEY], NOW)

    assert refusal.value.reason == "mismatch"


@pytest.mark.parametrize(
    "request_", [WebhookRequest(BODY), WebhookRequest(BODY, {}, {"x-signature": SIGNATURE, "secret": KEY})]
)
def test_a_signature_elsewhere_than_in_the_header_is_none(request_: WebhookRequest) -> None:
    with pytest.raises(SignatureError) as refusal:
        EDUZZ.verify(request_, [KEY], NOW)

    assert refusal.value.reason == "missing"


def test_the_secret_that_every_message_shows_proves_nothing() -> None:
    shown = WebhookRequest(b'{"data":{"producer":{"originSecret":"chave-dos-testes"}}}')

    with pytest.raises(SignatureError):
        EDUZZ.verify(shown, [KEY], NOW)
