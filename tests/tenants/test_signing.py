"""The signature itself: what fits, and everything that nearly does."""

import hashlib
import hmac

import pytest

from apps.tenants.signing import Claim, is_signed_by, seconds_apart, sign

SECRET = "sks_invented"
BODY = b'{"events": []}'
STAMP = "1795345200"
RIGHT = "v1=" + hmac.new(SECRET.encode(), STAMP.encode() + b"." + BODY, hashlib.sha256).hexdigest()


def claim(signature: str = RIGHT, timestamp: str = STAMP) -> Claim:
    return Claim(key_id="sk_1", timestamp=timestamp, signature=signature)


def test_what_is_signed_is_the_timestamp_a_dot_and_the_raw_body() -> None:
    assert sign(SECRET, STAMP, BODY) == RIGHT
    assert is_signed_by(SECRET, claim(), BODY)


def test_hexadecimal_digits_may_be_upper_case() -> None:
    assert is_signed_by(SECRET, claim("v1=" + RIGHT[3:].upper()), BODY)


@pytest.mark.parametrize(
    "signature",
    [
        *("", "v1=", RIGHT[3:], "v2" + RIGHT[2:], "V1" + RIGHT[2:], RIGHT + "0", RIGHT[:-1], f" {RIGHT}", f"{RIGHT}\n"),
        *("v1=" + "0" * 64, "v1=" + "g" * 64, "v1=ação", f"{RIGHT},{RIGHT}", "v1=" + "\u0661" * 64, "x" * 100_000),
    ],
)
def test_any_other_signature_is_refused(signature: str) -> None:
    assert not is_signed_by(SECRET, claim(signature), BODY)


@pytest.mark.parametrize("body", [b"", BODY + b" ", BODY[:-1], BODY.replace(b" ", b"")])
def test_another_body_is_refused(body: bytes) -> None:
    assert not is_signed_by(SECRET, claim(), body)


@pytest.mark.parametrize("timestamp", ["", "1795345201", "01795345200", "1795345200.0", " 1795345200", "+1795345200"])
def test_another_timestamp_is_refused(timestamp: str) -> None:
    assert not is_signed_by(SECRET, claim(timestamp=timestamp), BODY)


@pytest.mark.parametrize("timestamp", ["", "x", "1e9", "-5", "1.5", "1" * 13, "١٧٩٥٣٤٥٢٠٠", "²", "\ud800"])
def test_a_timestamp_that_is_no_number_is_refused_even_when_signed(timestamp: str) -> None:
    signature = sign(SECRET, timestamp, BODY)

    assert not is_signed_by(SECRET, claim(signature, timestamp), BODY)


@pytest.mark.parametrize("signature", [RIGHT, "", sign("nobody", STAMP, BODY), sign("", STAMP, BODY)])
def test_nobodys_secret_signs_nothing(signature: str) -> None:
    assert not is_signed_by(None, claim(signature), BODY)


def test_the_secret_is_compared_with_whoever_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def compare(expected: bytes, claimed: bytes) -> bool:
        compared.append((len(expected), len(claimed)))
        return False

    monkeypatch.setattr(hmac, "compare_digest", compare)
    is_signed_by(SECRET, claim(), BODY)
    is_signed_by(None, claim(), BODY)

    assert compared == [(67, 67)] * 2


@pytest.mark.parametrize(("now", "apart"), [(1795345200.2, 0), (1795345512.0, 312), (1795344900.0, -300)])
def test_clocks_are_compared_in_seconds(now: float, apart: int) -> None:
    assert seconds_apart(claim(), now) == apart


def test_the_repr_holds_no_signature() -> None:
    assert RIGHT not in repr(claim())
