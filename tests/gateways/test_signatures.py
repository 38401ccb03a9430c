"""The verifiers: vectors made outside this code, and everything that must be refused."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.gateways.errors import Refusal, SignatureError
from apps.gateways.request import WebhookRequest
from apps.gateways.signatures import SharedToken, Strength, TimestampedHmac, Verifier

# HMAC-SHA256 of '1700000000.{"id":"evt_1"}' with the key below, computed with OpenSSL.
BODY = b'{"id":"evt_1"}'
SECRET = "whsec_of_the_tests"
DIGEST = "11c7ea6f1eb0e540c365e292d095a8b1356740f40c1be64e0c818f9108f6b90f"
SIGNED_AT = datetime.fromtimestamp(1_700_000_000, UTC)
GENUINE = f"t=1700000000,v1={DIGEST}"

HMAC = TimestampedHmac(header="stripe-signature")
TOKEN = SharedToken(header="x-token", body_field="hottok")


def refusal_of(verifier: Verifier, request: WebhookRequest, secrets: list[str], now: datetime = SIGNED_AT) -> Refusal:
    with pytest.raises(SignatureError) as refusal:
        verifier.verify(request, secrets, now)
    return refusal.value.reason


def signed(header: str, body: bytes = BODY) -> WebhookRequest:
    return WebhookRequest(body, {"Stripe-Signature": header})


@pytest.mark.parametrize(
    "header",
    [
        GENUINE,
        f"v1={DIGEST},t=1700000000",
        f"t=1700000000, v1={DIGEST}",
        f"t=1700000000,v1={'0' * 64},v1={DIGEST}",
        f"t=1700000000,v0={'0' * 64},v1={DIGEST}",
        f"{GENUINE},v1=,new=1",
        f"{GENUINE},v1=é",
    ],
)
def test_a_genuine_signature_is_accepted(header: str) -> None:
    HMAC.verify(signed(header), [SECRET], SIGNED_AT)
    HMAC.verify(signed(header), ["another", "", SECRET], SIGNED_AT)


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("", "missing"),
        ("x", "malformed"),
        (f"v1={DIGEST}", "malformed"),
        ("t=1700000000", "malformed"),
        ("t=1700000000,v1=", "malformed"),
        (f"t=abc,v1={DIGEST}", "malformed"),
        (f"t=1e20,v1={DIGEST}", "malformed"),
        (f"t=-1,v1={DIGEST}", "malformed"),
        (f"t=,v1={DIGEST}", "malformed"),
        (f"t={'1' * 13},v1={DIGEST}", "malformed"),
        (f"t=²,v1={DIGEST}", "malformed"),
        (f"t=1700000000,{GENUINE}", "malformed"),
        (f"{GENUINE}," + "v1=0," * 1_000, "malformed"),
        (f"t=1700000001,v1={DIGEST}", "mismatch"),
        (f"t=01700000000,v1={DIGEST}", "mismatch"),
        (f"t=1700000000,v0={DIGEST},v1=0", "mismatch"),
        (f"t=1700000000,v1={DIGEST.upper()}", "mismatch"),
        (f"t=1700000000,v1={DIGEST[:-1]}", "mismatch"),
        ("t=1700000000,v1=EcfqbR6w5UDDZeKS0JWosTVndA9ADB/mTgyBj5EI9rkPDw==", "mismatch"),
        ("t=1700000000,v1=😀", "mismatch"),
        ("t=1700000000,v1=\udcff", "mismatch"),
        ("t=1700000000,v1=\0", "mismatch"),
    ],
)
def test_any_other_header_is_refused(header: str, reason: str) -> None:
    assert refusal_of(HMAC, signed(header), [SECRET]) == reason


@pytest.mark.parametrize("body", [b'{"id": "evt_1"}', b'{"id":"evt_1"}\n', b"", b"\xff"])
def test_a_signature_holds_for_the_exact_bytes_only(body: bytes) -> None:
    assert refusal_of(HMAC, signed(GENUINE, body), [SECRET]) == "mismatch"


@pytest.mark.parametrize("secrets", [[], [""], ["  "], ["another"], ["WHSEC_OF_THE_TESTS"], ["whsec_of_the_test"]])
def test_no_other_secret_fits(secrets: list[str]) -> None:
    assert refusal_of(HMAC, signed(GENUINE), secrets) == "mismatch"


def test_a_header_that_is_absent_is_missing() -> None:
    assert refusal_of(HMAC, WebhookRequest(BODY), [SECRET]) == "missing"


@pytest.mark.parametrize("seconds", [-60, 0, 299, 300])
def test_a_signature_is_fresh_for_five_minutes_and_a_minute_ahead(seconds: int) -> None:
    HMAC.verify(signed(GENUINE), [SECRET], SIGNED_AT + timedelta(seconds=seconds))


@pytest.mark.parametrize("seconds", [-61, 301, 600, 10**7])
def test_outside_that_time_it_is_stale(seconds: int) -> None:
    assert refusal_of(HMAC, signed(GENUINE), [SECRET], SIGNED_AT + timedelta(seconds=seconds)) == "stale"


def test_stale_is_said_of_genuine_requests_only() -> None:
    late = SIGNED_AT + timedelta(hours=1)

    assert refusal_of(HMAC, signed(GENUINE), ["another"], late) == "mismatch"


def test_signing_makes_the_known_signature() -> None:
    request = HMAC.sign(WebhookRequest(BODY, {"content-type": "application/json"}), SECRET, SIGNED_AT)

    assert request.headers == {"content-type": "application/json", "stripe-signature": GENUINE}
    assert request.body == BODY


@pytest.mark.parametrize("zone", [-3, 0, 9])
def test_signing_knows_time_zones(zone: int) -> None:
    from datetime import timezone

    local = SIGNED_AT.astimezone(timezone(timedelta(hours=zone)))

    assert HMAC.sign(WebhookRequest(BODY), SECRET, local).headers["stripe-signature"] == GENUINE


def test_a_token_in_the_header_is_accepted() -> None:
    TOKEN.verify(WebhookRequest(b"\xff", {"X-Token": "right"}), ["right"], SIGNED_AT)
    TOKEN.verify(WebhookRequest(b"", {"X-Token": "right"}), ["old", "right"], SIGNED_AT)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'{"hottok": "right"}', "application/json"),
        (b"a=1&hottok=right", "application/x-www-form-urlencoded"),
    ],
)
def test_a_token_in_the_body_is_the_fallback(body: bytes, content_type: str) -> None:
    TOKEN.verify(WebhookRequest(body, {"Content-Type": content_type}), ["right"], SIGNED_AT)
    TOKEN.verify(WebhookRequest(body, {"Content-Type": content_type, "x-token": ""}), ["right"], SIGNED_AT)


def test_a_wrong_header_is_not_made_good_by_the_body() -> None:
    request = WebhookRequest(b'{"hottok": "right"}', {"x-token": "wrong"})

    assert refusal_of(TOKEN, request, ["right"]) == "mismatch"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{}",
        b'{"hottok": ""}',
        b'{"hottok": null}',
        b'{"hottok": []}',
        b'{"hottok": true}',
        b"[1]",
        b"\xff",
    ],
)
def test_a_body_without_a_readable_token_is_no_proof(body: bytes) -> None:
    assert refusal_of(TOKEN, WebhookRequest(body), ["right"]) == "missing"


@pytest.mark.parametrize("token", ["wrong", "Right", "right ", "righ", "é", "😀", "\udcff", "x" * 10_000, "right\0"])
def test_another_token_is_refused(token: str) -> None:
    assert refusal_of(TOKEN, WebhookRequest(b"", {"x-token": token}), ["right"]) == "mismatch"


@pytest.mark.parametrize("secrets", [[], [""], ["", "  "]])
def test_without_a_secret_no_token_is_right(secrets: list[str]) -> None:
    for token in ("", "right", *secrets):
        request = WebhookRequest(b"{}", {"x-token": token})
        assert refusal_of(TOKEN, request, secrets) in ("missing", "mismatch")


def test_without_a_body_field_the_body_is_not_looked_at() -> None:
    request = WebhookRequest(b'{"hottok": "right", "None": "right"}')

    assert refusal_of(SharedToken(header="x-token"), request, ["right"]) == "missing"


def test_each_verifier_states_its_strength() -> None:
    assert HMAC.strength is Strength.HMAC
    assert TOKEN.strength is Strength.STATIC
    assert [strength.value for strength in Strength] == ["hmac", "static_token", "body_token", "none"]


def test_a_refusal_shows_neither_secret_nor_proof() -> None:
    with pytest.raises(SignatureError) as refusal:
        TOKEN.verify(WebhookRequest(b"", {"x-token": "wrong"}), ["right"], SIGNED_AT)

    assert str(refusal.value) == "mismatch"
    assert refusal.value.args == ("mismatch",)
