"""A right body at the wrong address or in the wrong dress: its sender is told, and nothing else is read from it."""

import json
from collections.abc import Iterator
from itertools import permutations
from typing import Any
from urllib.parse import urlencode

import pytest
from django.utils import translation

from apps.gateways.recognise import likely_gateway
from apps.gateways.registry import ADAPTERS
from apps.gateways.request import WebhookRequest
from tests.gateways.mutations import REFUSED, core_of, php_pairs
from tests.gateways.samples import FORM, Sample, samples_of
from tests.pipeline.answers import assert_problem
from tests.pipeline.database import conversions, count_everything, deliveries, quarantined
from tests.pipeline.senders import GATEWAYS, SIGNING, sale_of, send, send_signed, sign
from tests.worlds import SECRETS, World

each_gateway = pytest.mark.parametrize("gateway", GATEWAYS)
SIGNED_PAIRS = [(sender, address) for sender, address in permutations(GATEWAYS, 2) if address in SIGNING]


def label(gateway: str) -> str:
    return ADAPTERS[gateway].label


@pytest.fixture(autouse=True)
def _in_english() -> Iterator[None]:
    with translation.override("en"):
        yield


# --- Another gateway's address ---


@pytest.mark.parametrize(("sender", "address"), SIGNED_PAIRS)
@pytest.mark.usefixtures("unchanged")
def test_a_body_at_another_gateways_address_is_refused_with_a_hint(world: World, sender: str, address: str) -> None:
    signed = sign(sender, sale_of(sender).request, SECRETS[sender])

    answer = send(world, address, signed)

    assert_problem(answer, 401, "not_authentic")
    detail = answer.json()["detail"]
    assert f"webhook of {label(sender)}" in detail
    assert f"endpoint for {label(address)}" in detail


@pytest.mark.parametrize("sender", SIGNING)
def test_at_an_address_without_signatures_it_is_kept_with_a_hint(world: World, sender: str) -> None:
    signed = sign(sender, sale_of(sender).request, SECRETS[sender])
    unproved = WebhookRequest(signed.body, {"content-type": signed.headers["content-type"]})

    answer = send(world, "appmax", unproved)

    assert (answer.status_code, answer.json()["status"]) == (202, "quarantined")
    assert f"webhook of {label(sender)}" in answer.json()["detail"]
    (kept,) = quarantined()
    assert (kept.path, kept.expected, kept.found) == (
        *("body", "a webhook of Appmax", f"what looks like one of {label(sender)}"),
    )
    assert ([row.outcome for row in deliveries()], conversions()) == (["quarantined"], [])


@pytest.mark.parametrize("sender", SIGNING)
def test_no_fixture_of_anybody_is_recorded_at_an_address_without_signatures(world: World, sender: str) -> None:
    samples = samples_of(ADAPTERS[sender])

    answers = [send(world, "appmax", sample.request) for sample in samples]

    assert {answer.json()["status"] for answer in answers} == {"quarantined"}
    assert [kept.found for kept in quarantined()] == [f"what looks like one of {label(sender)}"] * len(samples)
    assert conversions() == []


@pytest.mark.parametrize(("sender", "address"), SIGNED_PAIRS)
def test_even_a_right_signature_makes_no_sale_of_another_gateways_body(world: World, sender: str, address: str) -> None:
    """Where the token goes into the body, it looks like two gateways' and is blamed on none."""
    signed = sign(address, sale_of(sender).request, SECRETS[address])

    answer = send(world, address, signed)

    assert (answer.status_code, answer.json()["status"] in ("quarantined", "unknown")) == (202, True)
    is_plain = likely_gateway(signed) is ADAPTERS[sender]
    assert (f"webhook of {label(sender)}" in answer.json().get("detail", "")) is is_plain
    assert (f"looks like one of {label(sender)}" in quarantined()[0].found) is is_plain
    assert conversions() == []


@each_gateway
def test_an_own_body_that_cannot_be_read_is_blamed_on_nobody(world: World, gateway: str) -> None:
    word_paths = [path.partition(".")[0] for path in ADAPTERS[gateway].event_paths]
    document = {name: value for name, value in sale_of(gateway).document.items() if name not in word_paths}

    answer = send_signed(world, gateway, sale_of(gateway).request_with(document))

    assert answer.json() == {"status": "quarantined"}
    assert [kept.path.split(" or ")[0] for kept in quarantined()] == [ADAPTERS[gateway].event_paths[0]]


@pytest.mark.parametrize("gateway", SIGNING)
@pytest.mark.parametrize("body", [b"{}", b"[]", b"{", b"\xff", b"a=b", b'{"hello": "world"}'])
@pytest.mark.usefixtures("unchanged")
def test_a_body_of_nobody_gives_no_hint(world: World, gateway: str, body: bytes) -> None:
    answer = send(world, gateway, WebhookRequest(body))

    assert_problem(answer, 401, "not_authentic")
    assert "looks like" not in answer.json()["detail"]


@pytest.mark.usefixtures("unchanged")
def test_a_hint_repeats_nothing_of_the_body_or_the_address(world: World) -> None:
    body = json.dumps({**sale_of("kiwify").document, "canary": "beatriz-canary"}).encode()

    answer = send(world, "stripe", WebhookRequest(body))

    assert answer.status_code == 401
    for secret in ("beatriz-canary", world.endpoint_key("stripe"), *SECRETS.values()):
        assert secret not in answer.content.decode()


# --- Another encoding ---


def as_form(sample: Sample) -> WebhookRequest:
    return WebhookRequest(urlencode(php_pairs(sample.document)).encode(), {"content-type": FORM})


def as_json(sample: Sample) -> WebhookRequest:
    return WebhookRequest(json.dumps(sample.document).encode(), {"content-type": "application/json"})


def stored_core() -> list[tuple[Any, ...]]:
    return [(row.status, row.order_id, row.amount, row.currency, row.is_test) for row in conversions()]


def read_core(sample: Sample) -> list[tuple[Any, ...]]:
    core = core_of(sample, sample.request)
    assert not isinstance(core, str)
    return [(status, order_id, amount, currency, is_test) for status, order_id, amount, currency, _, is_test in core]


@each_gateway
def test_a_sale_is_read_alike_from_a_form_and_from_json_or_kept(world: World, gateway: str) -> None:
    sample = sale_of(gateway)

    for write in (as_form, as_json):
        request = write(sample)
        answer = send_signed(world, gateway, request)
        if core_of(sample, request) == REFUSED:
            assert answer.json() == {"status": "quarantined"}
            assert quarantined()[-1].body
        else:
            assert answer.json() == {"status": "recorded"}
            assert stored_core() == read_core(sample)


@pytest.mark.parametrize("gateway", ["hotmart", "braip", "perfectpay", "orders"])
def test_senders_that_write_forms_are_read(world: World, gateway: str) -> None:
    assert send_signed(world, gateway, as_form(sale_of(gateway))).json() == {"status": "recorded"}
    assert stored_core() == read_core(sale_of(gateway))


@pytest.mark.parametrize(
    "label_", ["", "text/plain", "application/json", FORM, "multipart/form-data; boundary=x", "x" * 5_000]
)
@each_gateway
def test_the_label_of_a_body_does_not_decide(world: World, gateway: str, label_: str) -> None:
    answer = send_signed(world, gateway, WebhookRequest(as_json(sale_of(gateway)).body, {"content-type": label_}))

    assert answer.json() == {"status": "recorded"}
    assert stored_core() == read_core(sale_of(gateway))


@each_gateway
def test_a_form_under_the_label_of_json_is_read_or_kept(world: World, gateway: str) -> None:
    for sample in samples_of(ADAPTERS[gateway]):
        request = as_form(sample).with_header("content-type", "application/json")
        before = len(deliveries())

        answer = send_signed(world, gateway, request)

        refused = core_of(sample, request) == REFUSED
        assert (answer.json()["status"] in ("quarantined", "unknown")) is refused
        assert len(deliveries()) > before
        assert count_everything()["conversions_quarantine"] >= refused
