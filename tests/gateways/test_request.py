"""One webhook as it arrived."""

from datetime import UTC, datetime

import pytest

from apps.gateways import decoding
from apps.gateways.errors import PayloadError
from apps.gateways.registry import ADAPTERS
from apps.gateways.request import WebhookRequest
from tests.gateways.samples import sample_named

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


def test_header_names_are_found_in_lower_case() -> None:
    request = WebhookRequest(b"", {"X-Hotmart-HOTTOK": "Token"})

    assert dict(request.headers) == {"x-hotmart-hottok": "Token"}


def test_a_header_is_added_to_a_copy() -> None:
    request = WebhookRequest(b"body", {"a": "1"}, {"q": "1"})

    changed = request.with_header("B", "2")

    assert (changed.body, dict(changed.headers), dict(changed.query)) == (
        b"body",
        {"a": "1", "b": "2"},
        {"q": "1"},
    )
    assert dict(request.headers) == {"a": "1"}


def test_the_body_is_decoded_by_its_type() -> None:
    form = WebhookRequest(b"a=1", {"Content-Type": "application/x-www-form-urlencoded"})

    assert form.payloads()[0].text("a") == "1"
    assert WebhookRequest(b'{"a": 2}').payloads()[0].text("a") == "2"


def test_each_message_of_a_list_has_its_own_reader() -> None:
    first, second = WebhookRequest(b'[{"a": 1}, {"a": []}]').payloads()

    assert first.text("a") == "1"
    with pytest.raises(PayloadError) as error:
        second.text("a")
    assert error.value.path == "1.a"


def test_a_token_in_the_body_and_its_event_cost_one_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    decodings: list[bytes] = []

    def decode(body: bytes, content_type: str) -> list[object]:
        decodings.append(body)
        return original(body, content_type)

    original = decoding.decode_body
    monkeypatch.setattr("apps.gateways.request.decode_body", decode)
    sample = sample_named("hotmart", "purchase_approved_token_in_body.json")
    request, adapter = sample.request, ADAPTERS["hotmart"]

    adapter.verify(request, ["hottok-of-the-fixture"], NOW)
    adapter.parse(request)
    adapter.parse(request)

    assert decodings == [request.body]


def test_a_body_that_cannot_be_read_fails_each_time_it_is_read() -> None:
    request = WebhookRequest(b"{")

    for _ in range(2):
        with pytest.raises(PayloadError):
            request.payloads()


def test_the_repr_shows_neither_secrets_nor_people() -> None:
    request = WebhookRequest(b'{"email":"ana@example.com"}', {"x-token": "s3cret"}, {"signature": "s1gn"})

    assert repr(request) == "WebhookRequest()"
