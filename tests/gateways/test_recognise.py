"""Whose body it is: every gateway's own is known by it, and none of them by two."""

import json
from itertools import permutations
from typing import Any
from urllib.parse import urlencode

import pytest

from apps.gateways.base import Adapter
from apps.gateways.recognise import likely_gateway
from apps.gateways.registry import ADAPTERS
from tests.gateways.mutations import php_pairs
from tests.gateways.samples import Sample, all_samples, encode_form, request_of, samples_of

each_sample = pytest.mark.parametrize("sample", all_samples(), ids=str)
PAIRS = list(permutations(ADAPTERS.values(), 2))


@each_sample
def test_no_other_gateway_recognises_a_fixture(sample: Sample) -> None:
    for payload in sample.request.payloads():
        assert [adapter.slug for adapter in ADAPTERS.values() if adapter.recognises(payload)] == [sample.adapter.slug]


@each_sample
def test_a_body_is_recognised_however_it_is_encoded(sample: Sample) -> None:
    document = sample.document
    as_json = request_of(json.dumps(document).encode())
    listed = request_of(json.dumps([document, document]).encode())
    mislabelled = request_of(json.dumps(document).encode(), is_form=True)

    assert [likely_gateway(request) for request in (as_json, listed, mislabelled)] == [sample.adapter] * 3


@pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=lambda adapter: adapter.slug)
def test_a_body_that_became_a_form_is_recognised(adapter: Adapter) -> None:
    for sample in samples_of(adapter):
        assert likely_gateway(request_of(form_of(sample), is_form=True)) is adapter


def form_of(sample: Sample) -> bytes:
    return encode_form(sample.document) if sample.is_form else urlencode(php_pairs(sample.document)).encode()


@pytest.mark.parametrize(("one", "other"), PAIRS, ids=lambda adapter: adapter.slug)
def test_a_body_that_looks_like_two_is_nobodys(one: Adapter, other: Adapter) -> None:
    document = {**samples_of(one)[0].document, **samples_of(other)[0].document}
    both = request_of(json.dumps(document).encode())

    if one.recognises(both.payloads()[0]) and other.recognises(both.payloads()[0]):
        assert likely_gateway(both) is None
    else:
        assert likely_gateway(both) in (one, other)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"{}", b"[]", b"[1]", b"null", b'"x"', b"\xff", b"a=b", b"[" * 100_000, b"a[" * 50 + b"=1"),
        *(b'{"event": "PURCHASE_APPROVED"}', b'{"data": 1}', b'{"data": []}', b'{"data": {"object": null}}'),
    ],
    ids=lambda body: repr(body[:20]),
)
def test_what_nobody_sends_is_nobodys(body: bytes) -> None:
    assert likely_gateway(request_of(body)) is None


@pytest.mark.parametrize("value", [None, "", " ", [], {}])
@pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=lambda adapter: adapter.slug)
def test_a_tell_tale_must_hold_something(adapter: Adapter, value: Any) -> None:
    for path in adapter.tell_tales:
        document = value
        for step in reversed(path.split(".")):
            document = {step: document}
        assert likely_gateway(request_of(json.dumps(document).encode())) is None


@pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=lambda adapter: adapter.slug)
def test_each_tell_tale_alone_tells_one_gateway(adapter: Adapter) -> None:
    for path in adapter.tell_tales:
        document: Any = "something"
        for step in reversed(path.split(".")):
            document = {step: document}
        assert likely_gateway(request_of(json.dumps(document).encode())) is adapter
