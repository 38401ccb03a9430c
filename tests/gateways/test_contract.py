"""What every adapter in the registry owes, proved for all of them at once from their fixtures."""

import inspect
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from apps.gateways.base import Adapter
from apps.gateways.contract import contract_of
from apps.gateways.errors import PayloadError, SignatureError
from apps.gateways.events import GatewayEvent, Kind
from apps.gateways.recognise import likely_gateway
from apps.gateways.registry import ADAPTERS
from apps.gateways.request import WebhookRequest
from apps.gateways.signatures import Strength
from tests.gateways.judge import assert_sound, assert_survives, outcome
from tests.gateways.samples import (
    FOLDER,
    MISSING,
    WRONG_VALUES,
    Sample,
    all_samples,
    as_json,
    places,
    request_of,
    samples_of,
    value_at,
    with_value,
)

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
SECRET = "a-secret-of-the-tests"

each_adapter = pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=lambda adapter: adapter.slug)
each_proving = pytest.mark.parametrize(
    "adapter",
    [adapter for adapter in ADAPTERS.values() if adapter.verifier.strength is not Strength.NONE],
    ids=lambda adapter: adapter.slug,
)
each_sample = pytest.mark.parametrize("sample", all_samples(), ids=str)
# Those whose word stands at the root of the body; an envelope's stands deeper.
each_plain_sample = pytest.mark.parametrize(
    "sample", [item for item in all_samples() if set(item.adapter.event_paths) & set(item.document)], ids=str
)


# --- What is read ---


@each_sample
def test_a_fixture_gives_exactly_the_expected_events(sample: Sample) -> None:
    events = sample.adapter.parse(sample.request)

    assert [as_json(event) for event in events] == sample.expected


@each_sample
def test_the_events_of_a_fixture_are_complete(sample: Sample) -> None:
    for event in sample.adapter.parse(sample.request):
        assert_sound(event)


@each_adapter
def test_every_useful_word_has_a_fixture(adapter: Adapter) -> None:
    events = [event for sample in samples_of(adapter) for event in adapter.parse(sample.request)]
    shown = {(event.vendor_event, event.kind) for event in events}

    useful = {(row.split(" ")[0], kind) for row, kind in adapter.event_types.items() if kind is not Kind.IGNORED}

    assert useful - shown == set()


@each_adapter
def test_a_repeated_body_is_read_the_same_way(adapter: Adapter) -> None:
    for sample in samples_of(adapter):
        assert adapter.parse(sample.request) == adapter.parse(sample.request)


@each_sample
def test_no_repr_shows_the_buyer(sample: Sample) -> None:
    request = sample.request
    events = sample.adapter.parse(request)

    shown = repr(request) + repr(events)

    personal = {event.buyer.email for event in events} | {event.buyer.phone for event in events}
    personal |= {event.buyer_ip for event in events} | {event.buyer_agent for event in events}
    assert not [value for value in personal if value and value in shown]


# --- Who may send ---


@each_sample
def test_a_request_signed_with_the_secret_is_accepted(sample: Sample) -> None:
    adapter = sample.adapter

    signed = adapter.verifier.sign(sample.request, SECRET, NOW)

    adapter.verify(signed, [SECRET], NOW)
    adapter.verify(signed, ["an-older-secret", SECRET], NOW)
    assert adapter.parse(signed) == adapter.parse(sample.request)


@each_adapter
@pytest.mark.parametrize("secrets", [[], [""], ["   "], ["another-secret"], [SECRET.upper()], [SECRET + " "]])
def test_a_request_signed_with_another_secret_is_refused(adapter: Adapter, secrets: list[str]) -> None:
    signed = adapter.verifier.sign(request_of(b"{}"), SECRET, NOW)

    with pytest.raises(SignatureError) as refusal:
        adapter.verify(signed, secrets, NOW)

    assert refusal.value.reason == "mismatch"


@each_adapter
@pytest.mark.parametrize("secret", ["", " "])
def test_a_blank_secret_verifies_nothing_not_even_its_own_signature(adapter: Adapter, secret: str) -> None:
    signed = adapter.verifier.sign(request_of(b"{}"), secret, NOW)

    with pytest.raises(SignatureError):
        adapter.verify(signed, [secret], NOW)


@each_proving
@pytest.mark.parametrize("body", [b"", b"{}", b"{", b"\xff", b"[1]", b"[]", b"[{}]", b"a=1", b'{"event":"x"}'])
def test_a_request_without_proof_is_refused(adapter: Adapter, body: bytes) -> None:
    with pytest.raises(SignatureError) as refusal:
        adapter.verify(request_of(body), [SECRET], NOW)

    assert refusal.value.reason == "missing"


@each_adapter
def test_an_emptied_or_altered_proof_is_refused(adapter: Adapter) -> None:
    signed = adapter.verifier.sign(request_of(b"{}"), SECRET, NOW)
    forgeries = list(altered_proofs(adapter, signed))
    assert forgeries

    for forged in forgeries:
        with pytest.raises(SignatureError):
            adapter.verify(forged, [SECRET], NOW)


def altered_proofs(adapter: Adapter, signed: WebhookRequest) -> Iterator[WebhookRequest]:
    """The proof emptied, cut, prolonged and replaced, wherever this gateway carries it."""
    for name in set(signed.headers) - {"content-type"}:
        for value in wrong_proofs(signed.headers[name]):
            yield signed.with_header(name, value)
    for name in signed.query:
        for value in wrong_proofs(signed.query[name]):
            yield signed.with_query(name, value)
    if adapter.verifier.strength is Strength.BODY:
        for value in wrong_proofs(SECRET):
            yield adapter.verifier.sign(signed, value, NOW)


def wrong_proofs(genuine: str) -> list[str]:
    return ["", "x", genuine + "x", genuine[:-1], genuine.swapcase(), "é\u2028😀", "\udcff", "\0"]


@pytest.mark.parametrize("adapter", [item for item in ADAPTERS.values() if item.verifier.strength is Strength.BODY])
def test_every_message_of_a_list_must_bring_the_token(adapter: Adapter) -> None:
    one = json.loads(adapter.verifier.sign(request_of(b"{}"), SECRET, NOW).body)

    adapter.verify(request_of(json.dumps([one, one]).encode()), [SECRET], NOW)
    for other in ({}, dict.fromkeys(one, "another")):
        with pytest.raises(SignatureError):
            adapter.verify(request_of(json.dumps([one, other]).encode()), [SECRET], NOW)


@each_sample
def test_a_signed_body_tells_whose_it_is(sample: Sample) -> None:
    assert likely_gateway(sample.request) is sample.adapter


@each_sample
def test_the_contract_knows_its_own_fixtures(sample: Sample) -> None:
    contract = contract_of(sample.adapter)

    for payload in sample.adapter.messages(sample.request):
        words = {event["vendor_event"] for event in sample.expected}
        assert contract.new_fields(payload.value) == []
        assert [contract.differences(payload.value, word) for word in words] == [[] for _ in words]


# --- What must not break it ---


@each_adapter
@pytest.mark.parametrize("is_form", [False, True], ids=["json", "form"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"null",
        b"[]",
        b"[1]",
        b"[{}]",
        b"[[]]",
        b'"x"',
        b"0",
        b"true",
        b"{}",
        b'{"id":NaN}',
        b'{"id":Infinity}',
        b"\xff\xfe{",
        b"\xef\xbb\xbf{}",
        b'{"a":"\xff"}',
        rb'{"a":"\ud800"}',
        b'{"a":' * 100_000,
        b"[" * 100_000,
        b'{"a":' + b"9" * 5_000 + b"}",
        b'{"a":1e99999999999999999999}',
        b"a[" * 50 + b"=1",
        b"a=1&a[b]=2",
        b"%ff=1",
        b"&".join(b"a%d=1" % n for n in range(1_001)),
        b"a" + b"[b]" * 9 + b"=1",
        b"--x\r\nContent-Disposition: form-data",
        b"\x1f\x8b\x08\x00",
        "{}".encode("utf-16"),
    ],
    ids=lambda body: repr(body[:16]),
)
def test_a_malformed_body_is_a_payload_error(adapter: Adapter, body: bytes, is_form: bool) -> None:
    with pytest.raises(PayloadError):
        adapter.parse(request_of(body, is_form=is_form))


@each_sample
def test_the_loss_of_any_field_gives_an_event_or_names_the_path(sample: Sample) -> None:
    document = sample.document

    for place in places(document):
        assert_survives(sample, place, with_value(document, place, MISSING))


@each_sample
def test_any_field_of_another_type_gives_an_event_or_names_the_path(sample: Sample) -> None:
    document = sample.document

    for place in places(document):
        for wrong in WRONG_VALUES:
            assert_survives(sample, place, with_value(document, place, wrong))


@each_sample
def test_an_empty_list_reads_like_the_absence_of_an_object(sample: Sample) -> None:
    document = sample.document

    for place in places(document):
        if isinstance(value_at(document, place), dict):
            emptied = outcome(sample, with_value(document, place, []))
            removed = outcome(sample, with_value(document, place, MISSING))
            assert emptied == removed


@each_sample
def test_fields_nobody_knows_change_nothing(sample: Sample) -> None:
    document = sample.document
    extended = document | {"a_new_field": "x", "another": {"nested": "x"}}

    assert sample.adapter.parse(sample.request_with(extended)) == sample.adapter.parse(sample.request_with(document))


@each_plain_sample
def test_an_unknown_word_is_harmless(sample: Sample) -> None:
    known = sample.adapter.parse(sample.request)[0]
    document = sample.document

    for word in ("A_WORD_FROM_THE_FUTURE", "approved ", "../..", "<b>", "é", "99"):
        words = dict.fromkeys(set(sample.adapter.event_paths) & set(document), word)
        events = sample.adapter.parse(sample.request_with(document | words))
        assert events == [GatewayEvent(Kind.UNKNOWN, word, known.delivery_id)]


@each_plain_sample
def test_an_unknown_word_is_harmless_whatever_surrounds_it(sample: Sample) -> None:
    document = sample.document
    words = dict.fromkeys(set(sample.adapter.event_paths) & set(document), "A_WORD_FROM_THE_FUTURE")

    for name in sorted(set(document) - set(words)):
        for wrong in WRONG_VALUES:
            events = sample.adapter.parse(sample.request_with(document | words | {name: wrong}))
            assert [event.kind for event in events] == [Kind.UNKNOWN]


@each_plain_sample
def test_a_body_without_its_word_names_the_path(sample: Sample) -> None:
    document = {name: value for name, value in sample.document.items() if name not in sample.adapter.event_paths}

    with pytest.raises(PayloadError) as error:
        sample.adapter.parse(sample.request_with(document))

    assert error.value.path == " or ".join(sample.adapter.event_paths)
    assert error.value.found == "nothing"


# --- What the folder owes ---


@each_adapter
def test_the_document_tells_what_the_customer_needs(adapter: Adapter) -> None:
    document = (FOLDER / adapter.slug / "doc.md").read_text()

    assert adapter.label in document
    assert f"**{adapter.secret_label}**" in document
    assert f"`{adapter.click_id_field}`" in document
    assert "How strong the proof is" in document
    assert "What counts as the amount" in document


@each_adapter
def test_the_adapter_is_short(adapter: Adapter) -> None:
    module = Path(inspect.getfile(type(adapter)))

    assert module == FOLDER / adapter.slug / "adapter.py"
    assert len(module.read_text().splitlines()) <= 80


@each_adapter
def test_every_fixture_has_its_expectation_and_the_reverse(adapter: Adapter) -> None:
    names = [path.name for path in (FOLDER / adapter.slug / "fixtures").iterdir()]

    bodies = sorted(name.rpartition(".")[0] for name in names if not name.endswith(".expected.json"))
    expectations = sorted(name.removesuffix(".expected.json") for name in names if name.endswith(".expected.json"))

    assert bodies == expectations
    assert bodies


def test_the_contract_covers_both_ways_of_writing_a_body() -> None:
    forms = [sample for sample in all_samples() if sample.is_form]

    assert forms
    assert len(forms) < len(all_samples())
    assert isinstance(forms[0].request, WebhookRequest)
