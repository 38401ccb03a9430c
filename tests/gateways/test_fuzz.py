"""Whatever is sent, an adapter answers with events, PayloadError or SignatureError."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.gateways.base import Adapter
from apps.gateways.errors import PayloadError, SignatureError
from apps.gateways.events import ORDERLESS
from apps.gateways.registry import ADAPTERS
from apps.gateways.request import WebhookRequest
from tests.gateways.samples import Sample, all_samples, places, request_of, with_value

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)

# No deadline: the machine that runs this may be busy. Derandomised: a failure must be the author's, not
# luck's.
steady = settings(deadline=None, derandomize=True, max_examples=150)

adapters = st.sampled_from(list(ADAPTERS.values()))
samples = st.sampled_from(all_samples())
texts = st.text(max_size=30) | st.sampled_from(["\0", "٣", "1e9", "-0", "NaN", "2026-01-01T00:00:00Z", "BRL", "card"])
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def survive(adapter: Adapter, request: WebhookRequest) -> None:
    try:
        events = adapter.parse(request)
    except PayloadError as error:
        assert error.path
        assert error.expected
        return
    assert events
    assert all(event.order_id or event.kind in ORDERLESS for event in events)


@steady
@given(adapter=adapters, body=st.binary(max_size=200), is_form=st.booleans())
def test_any_bytes(adapter: Adapter, body: bytes, is_form: bool) -> None:
    survive(adapter, request_of(body, is_form=is_form))


@steady
@given(adapter=adapters, value=values)
def test_any_json(adapter: Adapter, value: Any) -> None:
    survive(adapter, request_of(json.dumps(value).encode()))


@steady
@given(adapter=adapters, pairs=st.lists(st.tuples(texts, texts), max_size=10))
def test_any_form(adapter: Adapter, pairs: list[tuple[str, str]]) -> None:
    survive(adapter, request_of(urlencode(pairs, errors="surrogatepass").encode(), is_form=True))


@steady
@given(sample=samples, data=st.data())
def test_a_real_body_with_several_values_replaced(sample: Sample, data: st.DataObject) -> None:
    document = sample.document
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.sampled_from(list(places(document))))
        document = with_value(document, place, data.draw(values))

    survive(sample.adapter, sample.request_with(document))


@steady
@given(sample=samples, data=st.data())
def test_a_real_body_with_its_bytes_damaged(sample: Sample, data: st.DataObject) -> None:
    body = bytearray(sample.request.body)
    for _ in range(data.draw(st.integers(1, 5))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))

    survive(sample.adapter, request_of(bytes(body), is_form=sample.is_form))


@steady
@given(
    adapter=adapters,
    body=st.binary(max_size=60),
    proof=st.text(max_size=60) | st.from_regex(r"t=[0-9]{1,14},(v1=[0-9a-f]{0,64},?){0,3}", fullmatch=True),
    secrets=st.lists(st.text(max_size=8), max_size=3),
)
def test_any_proof_without_the_secret_is_refused(adapter: Adapter, body: bytes, proof: str, secrets: list[str]) -> None:
    unknown = [f"{secret}-never-drawn-because-it-is-far-too-long-to-be" * 2 for secret in secrets]
    headers = dict.fromkeys(["stripe-signature", "x-hotmart-hottok", "x-api-token", "x-hubtrack-signature"], proof)
    request = WebhookRequest(body, headers, {"signature": proof, "token": proof})

    with pytest.raises(SignatureError):
        adapter.verify(request, unknown, NOW)
