"""Every gateway of the registry at the same door: what it signs is kept, and nobody else gets in."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from apps.conversions.models import DriftNotice
from apps.core.metrics import read_counters
from apps.funnels import selectors
from apps.funnels.services import replace_secret
from apps.gateways.registry import ADAPTERS
from apps.gateways.request import WebhookRequest
from apps.gateways.signatures import BodyToken, TimestampedHmac
from apps.tenants.scoping import unscoped
from tests.gateways.samples import samples_of
from tests.pipeline.answers import assert_problem
from tests.pipeline.database import conversions, count_everything, deliveries, quarantined
from tests.pipeline.senders import GATEWAYS, IN_THE_BODY, SIGNING, outcome_of, sale_of, send, send_signed, sign
from tests.worlds import SECRETS, World

each_gateway = pytest.mark.parametrize("gateway", GATEWAYS)
each_signing = pytest.mark.parametrize("gateway", SIGNING)


def test_the_gateways_are_those_of_the_house() -> None:
    assert {"hotmart", "kiwify", "stripe", "perfectpay", "appmax", "braip", "orders"} <= set(GATEWAYS)
    assert set(GATEWAYS) - set(SIGNING) == {"appmax"}
    assert {"braip", "perfectpay"} <= set(IN_THE_BODY)


@each_gateway
def test_a_signed_sale_is_recorded(world: World, gateway: str) -> None:
    sample = sale_of(gateway)
    (expected,) = sample.expected

    answer = send_signed(world, gateway, sample.request)

    assert (answer.status_code, answer.json()) == (202, {"status": "recorded"})
    (row,) = conversions()
    assert (row.gateway, row.order_id, row.status, row.currency, row.amount) == (
        *(gateway, expected["order_id"], "approved", expected["currency"], Decimal(expected["amount"])),
    )
    assert [(item.outcome, item.kind, item.vendor_event) for item in deliveries()] == [
        ("recorded", "purchase_approved", expected["vendor_event"])
    ]
    assert world.conversion(expected["order_id"])["gateway"] == gateway


@each_gateway
def test_every_fixture_is_kept_as_it_is_meant(world: World, gateway: str) -> None:
    """None is quarantined, none is a word unknown, and none has a field that the contract lacks."""
    samples = samples_of(ADAPTERS[gateway])

    answers = [send_signed(world, gateway, sample.request) for sample in samples]

    assert [answer.status_code for answer in answers] == [202] * len(samples)
    assert [answer.json() for answer in answers] == [{"status": outcome_of(sample)} for sample in samples]
    assert len(deliveries()) == sum(len(sample.expected) for sample in samples)
    assert {row.order_id for row in conversions()} == {
        event["order_id"] for sample in samples if outcome_of(sample) == "recorded" for event in sample.expected
    }
    assert quarantined() == []
    with unscoped():
        assert DriftNotice.objects.count() == 0


Forge = Callable[[str, WebhookRequest], WebhookRequest]


def without_proof(gateway: str, request: WebhookRequest) -> WebhookRequest:
    """The body of a sale; a token that the fixture itself has in its body is taken out."""
    document = {name: value for name, value in sale_of(gateway).document.items() if name not in token_fields(gateway)}
    return sale_of(gateway).request_with(document)


def token_fields(gateway: str) -> set[str]:
    verifier: Any = ADAPTERS[gateway].verifier
    return {verifier.field} if isinstance(verifier, BodyToken) else {getattr(verifier, "body_field", "") or ""}


FORGERIES: dict[str, tuple[Forge, tuple[str, ...]]] = {
    "wrong": (lambda gateway, request: sign(gateway, request, "a-secret-that-nobody-has"), ("mismatch",)),
    "in other letters": (lambda gateway, request: sign(gateway, request, SECRETS[gateway].upper()), ("mismatch",)),
    "cut": (lambda gateway, request: sign(gateway, request, SECRETS[gateway][:-1]), ("mismatch",)),
    "empty": (lambda gateway, request: sign(gateway, request, ""), ("missing", "mismatch")),
    "blank": (lambda gateway, request: sign(gateway, request, "  "), ("missing", "mismatch")),
    "absent": (without_proof, ("missing",)),
}


def refusals(gateway: str) -> dict[str, int]:
    return {
        dict(labels)["reason"]: total
        for (name, labels), total in read_counters().items()
        if name == "webhooks_refused_total" and dict(labels)["gateway"] == gateway
    }


@each_signing
@pytest.mark.parametrize("forgery", FORGERIES)
@pytest.mark.usefixtures("unchanged")
def test_without_the_secret_nothing_is_stored_but_counted(world: World, gateway: str, forgery: str) -> None:
    forge, reasons = FORGERIES[forgery]
    before = refusals(gateway)

    answer = send(world, gateway, forge(gateway, sale_of(gateway).request))

    assert_problem(answer, 401, "not_authentic")
    counted = {reason: total - before.get(reason, 0) for reason, total in refusals(gateway).items()}
    (reason,) = (reason for reason, more in counted.items() if more)
    assert (reason in reasons, counted[reason]) == (True, 1)


@each_signing
def test_one_tenants_secret_opens_no_door_of_another(world: World, other_world: World, gateway: str) -> None:
    with unscoped():
        replace_secret(other_world.funnel.endpoints.get(gateway=gateway), f"secret-of-bruno-at-{gateway}")
        other_world.funnel.endpoints.update(previous_secret=None)
    before = count_everything()
    anas, brunos = (
        sign(gateway, sale_of(gateway).request, secret)
        for secret in (SECRETS[gateway], f"secret-of-bruno-at-{gateway}")
    )

    refused = [send(other_world, gateway, anas), send(world, gateway, brunos)]

    assert [answer.status_code for answer in refused] == [401, 401]
    assert count_everything() == before
    assert [send(other_world, gateway, brunos).status_code, send(world, gateway, anas).status_code] == [202, 202]
    assert {row.tenant_id for row in conversions()} == {world.tenant_id, other_world.tenant_id}


@each_signing
def test_the_secret_before_the_last_change_still_opens(world: World, gateway: str) -> None:
    with unscoped():
        replace_secret(world.funnel.endpoints.get(gateway=gateway), "a-newer-secret")
    selectors.forget_remembered()

    answers = [
        send(world, gateway, sign(gateway, sale_of(gateway).request, secret))
        for secret in (SECRETS[gateway], "a-newer-secret", "a-third-secret")
    ]

    assert [answer.status_code for answer in answers] == [202, 202, 401]


@each_gateway
@pytest.mark.usefixtures("unchanged")
def test_the_right_secret_at_an_unknown_address_is_not_found(world: World, gateway: str) -> None:
    signed = sign(gateway, sale_of(gateway).request, SECRETS[gateway])

    for key in ("x" * 32, world.endpoint_key(gateway) + "x", world.endpoint_key(gateway)[:-1]):
        assert_problem(send(world, gateway, signed, key=key), 404, "not_found")


@pytest.mark.parametrize("token", ["wrong", "", " ", SECRETS["appmax"] + "x", SECRETS["appmax"].upper()])
@pytest.mark.usefixtures("unchanged")
def test_a_wrong_token_in_an_address_without_signatures_is_refused(world: World, token: str) -> None:
    before = sum(refusals("appmax").values())

    answer = send(world, "appmax", sale_of("appmax").request.with_query("token", token))

    assert_problem(answer, 401, "not_authentic")
    assert sum(refusals("appmax").values()) == before + 1


def test_where_nothing_is_signed_the_address_is_enough(world: World) -> None:
    answer = send(world, "appmax", sale_of("appmax").request)

    assert (answer.status_code, answer.json()) == (202, {"status": "recorded"})


def timestamped_of(gateway: str) -> TimestampedHmac | None:
    verifier: Any = ADAPTERS[gateway].verifier
    stronger = getattr(verifier, "stronger", verifier)
    return stronger if isinstance(stronger, TimestampedHmac) else None


@pytest.mark.parametrize("gateway", [slug for slug in GATEWAYS if timestamped_of(slug)])
def test_what_names_its_time_is_refused_when_it_is_stale(world: World, gateway: str) -> None:
    verifier, now, sale = timestamped_of(gateway), datetime.now(UTC), sale_of(gateway).request
    assert verifier
    stored, counted = count_everything(), refusals(gateway).get("stale", 0)

    answers = [
        send(world, gateway, verifier.sign(sale, SECRETS[gateway], now - timedelta(minutes=minutes)))
        for minutes in (10, 60 * 24, -10)
    ]

    assert [answer.status_code for answer in answers] == [401] * 3
    assert (count_everything(), refusals(gateway)["stale"]) == (stored, counted + 3)
    assert send(world, gateway, verifier.sign(sale, SECRETS[gateway], now)).json() == {"status": "recorded"}


@each_gateway
def test_a_list_of_several_messages_is_several_deliveries(world: World, gateway: str) -> None:
    sample = sale_of(gateway)
    others = [other for other in samples_of(ADAPTERS[gateway]) if len(other.expected) == 1 and not other.is_form][:3]
    body = json.dumps([other.document for other in (sample, *others)]).encode()

    answer = send_signed(world, gateway, WebhookRequest(body, {"content-type": "application/json"}))

    assert answer.json() == {"status": "recorded"}
    assert [row.kind for row in deliveries()] == [other.expected[0]["kind"] for other in (sample, *others)]
    assert sample.expected[0]["order_id"] in {row.order_id for row in conversions()}


@each_gateway
def test_one_unreadable_message_of_a_list_keeps_the_whole_list(world: World, gateway: str) -> None:
    body = json.dumps([sale_of(gateway).document, {"neither": "here"}, sale_of(gateway).document]).encode()

    answer = send_signed(world, gateway, WebhookRequest(body, {"content-type": "application/json"}))

    assert answer.json() == {"status": "quarantined"}
    (kept,) = quarantined()
    assert kept.path.startswith("1.")
    assert len(json.loads(kept.body)) == 3
    assert conversions() == []
