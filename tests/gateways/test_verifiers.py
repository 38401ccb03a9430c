"""The other ways of proof: a token in the body, a signature in the query, a secret address, and two ways side by side.

The digests were computed with OpenSSL: printf '%s' BODY | openssl dgst -sha1 -hmac SECRET.
"""

import json
import sys
from datetime import UTC, datetime

import pytest

from apps.gateways.errors import Refusal, SignatureError
from apps.gateways.request import WebhookRequest
from apps.gateways.signatures import (
    BodyToken,
    EitherWay,
    QueryHmac,
    SecretUrl,
    SharedToken,
    Strength,
    TimestampedHmac,
    Verifier,
)
from tests.gateways.samples import FORM

NOW = datetime.fromtimestamp(1_700_000_000, UTC)
SECRET = "token-of-the-tests"
MESSAGE = b'{"order_id":"A1","total":1990}'
SHA1 = "ba7513aef43f1ef4c286be2284adca71140e6f48"
SHA256 = "894860b47e07a7f1eed9b957c9001bf252ad38f1392fd81bdf1eac364fcf6c53"  # of "1700000000." and the same message

BODY_TOKEN = BodyToken("token")
QUERY = QueryHmac("signature")
WRAPPED = QueryHmac("signature", wrapped_in=("order", "cart"))
SECRET_URL = SecretUrl("token")
EITHER = EitherWay(TimestampedHmac(header="x-signature"), SharedToken(header="x-token"))


def refusal_of(verifier: Verifier, request: WebhookRequest, secrets: list[str]) -> Refusal:
    with pytest.raises(SignatureError) as refusal:
        verifier.verify(request, secrets, NOW)
    return refusal.value.reason


def form(body: bytes) -> WebhookRequest:
    return WebhookRequest(body, {"content-type": FORM})


# --- A token in the body ---


@pytest.mark.parametrize(
    "request_",
    [
        WebhookRequest(b'{"token": "right"}'),
        WebhookRequest(b'[{"token": "right"}, {"a": 1, "token": "right"}]'),
        WebhookRequest(b'{"token": "wrong", "token": "right"}'),
        WebhookRequest(rb'{"tok\u0065n": "\u0072igh\u0074"}'),
        form(b"a=1&token=right"),
        form(b"token=%72igh%74&a=1"),
        form(b"token=wrong&token=right"),
    ],
)
def test_the_token_in_the_body_is_accepted(request_: WebhookRequest) -> None:
    BODY_TOKEN.verify(request_, ["right"], NOW)
    BODY_TOKEN.verify(request_, ["newer", "right"], NOW)


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (WebhookRequest(b""), "missing"),
        (WebhookRequest(b"{"), "missing"),
        (WebhookRequest(b"{}"), "missing"),
        (WebhookRequest(b'{"token": ""}'), "missing"),
        (WebhookRequest(b'{"token": null}'), "missing"),
        (WebhookRequest(b'{"token": ["right"]}'), "missing"),
        (WebhookRequest(b'{"data": {"token": "right"}}'), "missing"),
        (WebhookRequest(b"{}", {"token": "right"}, {"token": "right"}), "missing"),
        (WebhookRequest(b'[{"token": "right"}, {}]'), "missing"),
        (WebhookRequest(b'[{"token": "right"}, {"token": "wrong"}]'), "mismatch"),
        (WebhookRequest(b'{"token": "right "}'), "mismatch"),
        (WebhookRequest(b'{"token": "RIGHT"}'), "mismatch"),
        (WebhookRequest(b'{"token": "right", "token": "wrong"}'), "mismatch"),
        (form(b"token[]=right"), "missing"),
        (form(b"token=right+"), "mismatch"),
        (form(b"token=%ff"), "missing"),
    ],
)
def test_any_other_body_is_refused(request_: WebhookRequest, reason: str) -> None:
    assert refusal_of(BODY_TOKEN, request_, ["right"]) == reason


def test_a_token_of_digits_may_be_written_as_a_number() -> None:
    BODY_TOKEN.verify(WebhookRequest(b'{"token": 12345678}'), ["12345678"], NOW)

    assert refusal_of(BODY_TOKEN, WebhookRequest(b'{"token": 12345678.0}'), ["12345678"]) == "missing"
    assert refusal_of(BODY_TOKEN, WebhookRequest(b'{"token": true}'), ["true", "1"]) == "missing"


@pytest.mark.parametrize(
    ("body", "signed"),
    [
        (b'{"a": 1}', b'{"a": 1, "token": "right"}'),
        (b'{"token": "old"}', b'{"token": "right"}'),
        (b'[{"a": 1}, {}]', b'[{"a": 1, "token": "right"}, {"token": "right"}]'),
        (b"a=1&b=2", b"a=1&b=2&token=right"),
    ],
)
def test_signing_puts_the_token_into_each_message(body: bytes, signed: bytes) -> None:
    request = BODY_TOKEN.sign(WebhookRequest(body), "right", NOW)

    assert request.body == signed
    BODY_TOKEN.verify(request, ["right"], NOW)


# --- A signature in the query ---


def signed(body: bytes, signature: str) -> WebhookRequest:
    return WebhookRequest(body, {}, {"signature": signature})


@pytest.mark.parametrize(
    ("body", "secret", "digest"),
    [
        (MESSAGE, SECRET, SHA1),
        (
            '{"order_id":"A1","name":"Conceição","total":19.9}'.encode(),
            SECRET,
            "9cc5caeeb192e46ddd92f5e3db307f1ec0ffd60f",
        ),
        (b"", SECRET, "b22bd6c23d45bef09f82bbc76c46d850d09924ef"),
        (b"\xff\xfe", "ção de segredo", "b5caee87e6961734c85b5a17d7f2cd170d81340d"),
    ],
)
def test_a_signature_that_openssl_computed_is_accepted(body: bytes, secret: str, digest: str) -> None:
    for verifier in (QUERY, WRAPPED):
        verifier.verify(signed(body, digest), [secret], NOW)
        verifier.verify(signed(body, digest), ["newer", "", secret], NOW)
        assert verifier.sign(WebhookRequest(body), secret, NOW).query == {"signature": digest}


@pytest.mark.parametrize(
    "signature",
    [
        SHA1.upper(),
        SHA1[:-1],
        SHA1 + "0",
        " " + SHA1,
        f"sha1={SHA1}",
        "0" * 40,
        SHA256,
        "é",
        "😀",
        "\udcff",
        "\0",
        "x" * 99_999,
    ],
)
@pytest.mark.parametrize("verifier", [QUERY, WRAPPED])
def test_any_other_signature_is_refused(verifier: Verifier, signature: str) -> None:
    assert refusal_of(verifier, signed(MESSAGE, signature), [SECRET]) == "mismatch"


@pytest.mark.parametrize(
    "body", [MESSAGE + b"\n", MESSAGE.replace(b":", b": "), b"", MESSAGE.replace(b"1990", b"1991")]
)
def test_a_signature_is_of_the_exact_bytes(body: bytes) -> None:
    assert refusal_of(WRAPPED, signed(body, SHA1), [SECRET]) == "mismatch"


@pytest.mark.parametrize("query", [{}, {"signature": ""}, {"sig": SHA1}])
def test_without_a_signature_there_is_no_proof(query: dict[str, str]) -> None:
    request = WebhookRequest(MESSAGE, {"signature": SHA1}, query)

    assert refusal_of(WRAPPED, request, [SECRET]) == "missing"


@pytest.mark.parametrize("secrets", [[], [""], [" "], ["another"], [SECRET.upper()]])
def test_no_other_secret_signs(secrets: list[str]) -> None:
    assert refusal_of(WRAPPED, signed(MESSAGE, SHA1), secrets) == "mismatch"


@pytest.mark.parametrize(
    "envelope",
    [
        b'{"url": "https://example.com", "order": %s}',
        b'{"signature":"x","cart":%s}',
        b'{ "order" : %s , "more" : 1 }',
        b'{"order": [], "cart": %s}',
    ],
)
@pytest.mark.parametrize("message", [MESSAGE, b'{ "order_id": "A1",\n "total": 1990 }'])
def test_the_message_alone_may_be_what_was_signed(envelope: bytes, message: bytes) -> None:
    body = envelope % message

    WRAPPED.verify(signed(body, SHA1), [SECRET], NOW)
    assert refusal_of(WRAPPED, signed(body, SHA1), ["another"]) == "mismatch"
    assert refusal_of(QUERY, signed(body, SHA1), [SECRET]) == "mismatch"


@pytest.mark.parametrize(
    "body",
    [
        b'{"order": {"order_id":"A1","total":1991}}',
        b'{"order": {"order_id":"A1","total":1990,"more":1}}',
        b'{"order": {"total":1990,"order_id":"A1"}}',
        b'{"order": {"order_id":"A2","total":1}, "cart": {"order_id":"A1","total":1990}}',
        b'{"other": {"order_id":"A1","total":1990}}',
        b'{"order": "{\\"order_id\\":\\"A1\\",\\"total\\":1990}"}',
        b'{"order": {"order": {"order_id":"A1","total":1990}}}',
        b'[{"order": {"order_id":"A1","total":1990}}]',
        b'{"order": {"order_id":"A1","total":1990}',
        b'{"order": null, "cart": 1}',
        b"null",
        b"\xff",
        b"order[order_id]=A1&order[total]=1990",
    ],
)
def test_an_envelope_around_another_message_is_refused(body: bytes) -> None:
    assert refusal_of(WRAPPED, signed(body, SHA1), [SECRET]) == "mismatch"


def test_no_depth_of_an_envelope_is_an_error() -> None:
    """Also where reading just succeeds and writing would not."""
    limit = sys.getrecursionlimit()
    for depth in (*range(limit - 200, limit + 20), 100_000):
        body = b'{"order":' + b'{"a":' * depth + b"1" + b"}" * depth + b"}"
        assert refusal_of(WRAPPED, signed(body, SHA1), [SECRET]) == "mismatch"


# --- A secret address ---


def test_without_a_token_the_address_is_the_only_proof() -> None:
    SECRET_URL.verify(WebhookRequest(b"anything"), ["right"], NOW)
    SECRET_URL.verify(WebhookRequest(b"anything", {}, {"other": "x"}), [], NOW)


@pytest.mark.parametrize(
    ("token", "secrets", "reason"),
    [
        ("", ["right"], "missing"),
        ("wrong", ["right"], "mismatch"),
        ("right ", ["right"], "mismatch"),
        ("é\udcff\0", ["right"], "mismatch"),
        ("right", [], "mismatch"),
        ("right", [""], "mismatch"),
        (" ", [" "], "mismatch"),
    ],
)
def test_a_token_that_is_sent_must_be_right(token: str, secrets: list[str], reason: str) -> None:
    assert refusal_of(SECRET_URL, WebhookRequest(b"", {}, {"token": token}), secrets) == reason


def test_a_right_token_is_accepted() -> None:
    request = SECRET_URL.sign(WebhookRequest(b""), "right", NOW)

    assert request.query == {"token": "right"}
    SECRET_URL.verify(request, ["newer", "right"], NOW)


# --- Two ways ---

GENUINE = f"t=1700000000,v1={SHA256}"


def test_either_way_is_accepted() -> None:
    EITHER.verify(WebhookRequest(MESSAGE, {"X-Signature": GENUINE}), [SECRET], NOW)
    EITHER.verify(WebhookRequest(MESSAGE, {"X-Token": SECRET}), [SECRET], NOW)
    EITHER.verify(WebhookRequest(MESSAGE, {"x-token": SECRET, "x-signature": ""}), [SECRET], NOW)
    assert EITHER.sign(WebhookRequest(MESSAGE), SECRET, NOW).headers == {"x-token": SECRET}


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "missing"),
        ({"x-token": ""}, "missing"),
        ({"x-token": "wrong"}, "mismatch"),
        ({"x-signature": "wrong", "x-token": SECRET}, "malformed"),
        ({"x-signature": GENUINE.replace("v1=8", "v1=9"), "x-token": SECRET}, "mismatch"),
        ({"x-signature": "t=1600000000,v1=" + "0" * 64, "x-token": SECRET}, "mismatch"),
    ],
)
def test_a_bad_signature_is_not_made_good_by_a_token(headers: dict[str, str], reason: str) -> None:
    assert refusal_of(EITHER, WebhookRequest(MESSAGE, headers), [SECRET]) == reason


def test_each_way_states_what_it_proves() -> None:
    strengths = [verifier.strength for verifier in (QUERY, WRAPPED, BODY_TOKEN, SECRET_URL, EITHER)]

    assert strengths == [Strength.HMAC, Strength.HMAC, Strength.BODY, Strength.NONE, Strength.STATIC]
    assert json.dumps(strengths) == '["hmac", "hmac", "body_token", "none", "static_token"]'
