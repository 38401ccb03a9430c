"""A field that a gateway began to send is noted once, whatever way the webhook takes, and stops nothing."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from apps.conversions.models import DriftNotice
from apps.conversions.services.notices import MAX_NOTICES
from apps.funnels.selectors import find_endpoint
from apps.gateways.contract import contract_of
from apps.gateways.registry import ADAPTERS
from apps.gateways.request import WebhookRequest
from apps.pipeline import drift
from apps.pipeline.intake import read_ordinary
from apps.tenants.scoping import unscoped
from tests.gateways.samples import (
    FOLDER,
    FORM,
    Place,
    Sample,
    encode_form,
    sample_named,
    samples_of,
    value_at,
    with_value,
)
from tests.pipeline.database import conversions, everything_stored, quarantined
from tests.pipeline.senders import GATEWAYS, outcome_of, sale_of, send_signed, sign
from tests.worlds import SECRETS, World, hotmart

each_gateway = pytest.mark.parametrize("gateway", GATEWAYS)


def notices() -> list[tuple[str, str, str]]:
    with unscoped():
        return sorted(DriftNotice.objects.values_list("gateway", "version", "path"))


def novel(**changes: Any) -> dict[str, Any]:
    return {**hotmart(order_id="HP1"), "novel": 1, **changes}


def ordinary(world: World, gateway: str, request: WebhookRequest) -> bool:
    """Whether the shortcut takes it."""
    key = world.endpoint_key(gateway)
    assert find_endpoint(gateway, key)
    signed = sign(gateway, request, SECRETS[gateway])
    return read_ordinary(gateway, key, signed, "request-0001") is not None


# --- Once ---


def test_a_new_field_is_noted_and_the_sale_recorded(world: World) -> None:
    answer = world.post_webhook(novel())

    assert (answer.status_code, answer.json()) == (202, {"status": "recorded"})
    assert [(row.order_id, row.status) for row in conversions()] == [("HP1", "approved")]
    assert notices() == [("hotmart", "2.0.0", "novel")]
    assert quarantined() == []


def with_deeper_field(sample: Sample) -> tuple[dict[str, Any], str]:
    """The body with a new field inside its first known object or list of objects, and that field's path."""
    known = contract_of(sample.adapter).whole.members
    for name, value in sample.document.items():
        if isinstance(value, dict) and known[name].members:
            return {**sample.document, name: {**value, "also_novel": 1}}, f"{name}.also_novel"
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return {**sample.document, name: [{**value[0], "also_novel": 1}, *value[1:]]}, f"{name}.[].also_novel"
    raise AssertionError("every gateway's sale has an object or a list of them")


@each_gateway
def test_of_every_gateway_fields_at_the_root_and_deeper_are_noted(world: World, gateway: str) -> None:
    sample = sale_of(gateway)
    document, path = with_deeper_field(sample)

    answer = send_signed(world, gateway, sample.request_with({**document, "novel": {"a": 1}}))

    assert answer.json() == {"status": "recorded"}
    assert {(slug, found) for slug, _version, found in notices()} == {(gateway, path), (gateway, "novel")}
    assert len(conversions()) == 1


def test_a_field_of_a_forms_own_is_noted(world: World) -> None:
    sample = sample_named("hotmart", "version_1_approved.form")
    body = encode_form({**sample.document, "novel": "1", "group": {"a": "b"}, "group2": ["x", "y"]})

    answer = world.post_webhook(body, **{"content-type": FORM})

    assert answer.json() == {"status": "recorded"}
    assert notices() == [("hotmart", "", "group"), ("hotmart", "", "group2"), ("hotmart", "", "novel")]


def test_a_field_within_a_list_is_noted_without_its_number(world: World) -> None:
    sample = sale_of("orders")
    name = next(name for name, value in sample.document.items() if isinstance(value, list) and value)
    entries = [{**entry, "novel": number} for number, entry in enumerate(sample.document[name] * 3)]

    send_signed(world, "orders", sample.request_with({**sample.document, name: entries}))

    assert notices() == [("orders", "", f"{name}.[].novel")]


def test_each_message_of_a_list_is_looked_at(world: World) -> None:
    world.post_webhook(json.dumps([hotmart(order_id="HP1"), novel(), novel(newest=1)]).encode())

    assert notices() == [("hotmart", "2.0.0", "newest"), ("hotmart", "2.0.0", "novel")]


def test_within_an_envelope_the_message_itself_is_looked_at(world: World) -> None:
    document = {**sale_of("kiwify").document, "novel": 1}
    body = json.dumps({"url": "https://ana.example.com", "signature": "x", "order": document}).encode()

    answer = send_signed(world, "kiwify", WebhookRequest(body, {"content-type": "application/json"}))

    assert (answer.json(), notices()) == ({"status": "recorded"}, [("kiwify", "", "novel")])


def test_it_is_noted_once_for_each_tenant_gateway_version_and_path(world: World, other_world: World) -> None:
    for _ in range(3):
        world.post_webhook(novel())
        drift.forget_noted()
    world.post_webhook(novel(version="3.0.0"))
    world.post_webhook(novel(other=1))
    other_world.post_webhook(novel())
    send_signed(world, "orders", sale_of("orders").request_with({**sale_of("orders").document, "novel": 1}))

    assert notices() == [
        ("hotmart", "2.0.0", "novel"),
        ("hotmart", "2.0.0", "novel"),
        ("hotmart", "2.0.0", "other"),
        ("hotmart", "3.0.0", "novel"),
        ("orders", "", "novel"),
    ]
    with unscoped():
        assert DriftNotice.objects.filter(tenant=other_world.tenant_id).count() == 1


def test_the_last_time_it_was_seen_moves_and_the_first_stays(world: World) -> None:
    world.post_webhook(novel())
    world.post_webhook(novel(version="3.0.0"))
    drift.forget_noted()
    with unscoped():
        DriftNotice.objects.update(first_seen_at=F("first_seen_at") - DAY, last_seen_at=F("last_seen_at") - DAY)
        before = {row.version: (row.first_seen_at, row.last_seen_at) for row in DriftNotice.objects.all()}

    world.post_webhook(novel())

    with unscoped():
        after = {row.version: (row.first_seen_at, row.last_seen_at) for row in DriftNotice.objects.all()}
    assert after["3.0.0"] == before["3.0.0"], "another version's did not come again"
    assert after["2.0.0"][0] == before["2.0.0"][0]
    assert after["2.0.0"][1] > before["2.0.0"][1] + DAY / 2


DAY = timedelta(days=1)


# --- The shortcut ---


@each_gateway
def test_the_shortcut_lets_a_new_field_pass_once(world: World, gateway: str) -> None:
    sample = sale_of(gateway)
    plain, request = sample.request, sample.request_with({**sample.document, "novel": 1})
    assert ordinary(world, gateway, plain)

    first = ordinary(world, gateway, request)
    noted_by_looking = notices()
    send_signed(world, gateway, request)
    later = [ordinary(world, gateway, request) for _ in range(2)]

    assert (first, noted_by_looking, later) == (False, [], [True, True])
    assert [path for _gateway, _version, path in notices()] == ["novel"]


def test_another_tenants_note_is_not_this_ones(world: World, other_world: World) -> None:
    request = WebhookRequest(json.dumps(novel()).encode())
    world.post_webhook(novel())

    assert ordinary(world, "hotmart", request)
    assert not ordinary(other_world, "hotmart", request)


# --- What is no drift ---


@pytest.mark.parametrize(("gateway", "path"), [(slug, path) for slug in GATEWAYS for path in ADAPTERS[slug].free_paths])
def test_the_sellers_own_keys_are_no_drift(world: World, gateway: str, path: str) -> None:
    place = tuple(path.split("."))
    sample = next(sample for sample in samples_of(ADAPTERS[gateway]) if isinstance(find(sample, place[:-1]), dict))

    answer = send_signed(
        world, gateway, sample.request_with(with_value(sample.document, place, {"sellers_own": "x", "utm_own": "y"}))
    )

    assert (answer.json(), notices()) == ({"status": outcome_of(sample)}, [])


def find(sample: Sample, place: Place) -> Any:
    try:
        return value_at(sample.document, place)
    except (KeyError, TypeError):
        return None


@pytest.mark.parametrize("gateway", [slug for slug in GATEWAYS if (FOLDER / slug / "fields.txt").exists()])
def test_documented_fields_are_no_drift(gateway: str) -> None:
    lines = (FOLDER / gateway / "fields.txt").read_text().splitlines()
    paths = [line for line in lines if line and not line.startswith("#")]
    assert paths

    for path in paths:
        document: Any = "something"
        for step in reversed(path.split(".")):
            document = [document] if step == "[]" else {step: document}
        assert contract_of(ADAPTERS[gateway]).new_fields(document) == []


# --- Odd and many ---

ODD_NAMES = [
    "beatriz.canary@example.com",
    "5511987650001",
    "52998224725",
    "\0",
    "a\0b",
    "",
    " ",
    "ação",
    "x" * 400,
    "<b>",
]


def test_odd_names_are_not_kept(world: World) -> None:
    answer = world.post_webhook({**novel(), **dict.fromkeys(ODD_NAMES, 1)})

    assert answer.json() == {"status": "recorded"}
    assert notices() == [("hotmart", "2.0.0", "novel")]
    assert "beatriz.canary" not in everything_stored()


@pytest.mark.parametrize("version", ["beatriz@example.com", "x" * 41, "\0", {"a": 1}, [], None, "", "2.0 (nova)", 1.5])
def test_what_is_no_version_is_not_kept_as_one(world: World, version: Any) -> None:
    answer = world.post_webhook(novel(version=version))

    assert (answer.json(), notices()) == ({"status": "recorded"}, [("hotmart", "", "novel")])


def test_a_flood_of_names_is_bounded_and_costs_few_statements(world: World) -> None:
    world.post_webhook(hotmart(order_id="HP0"))
    with CaptureQueriesContext(connection) as captured:
        answer = world.post_webhook({**hotmart(order_id="HP1"), **{f"flood_{number}": 1 for number in range(5_000)}})

    assert answer.json() == {"status": "recorded"}
    assert len(notices()) == MAX_NOTICES
    assert len(captured.captured_queries) < 15

    world.post_webhook(novel())
    send_signed(world, "orders", sale_of("orders").request_with({**sale_of("orders").document, "novel": 1}))
    assert len(notices()) == MAX_NOTICES + 1, "another gateway's are still noted"
    assert {row.order_id for row in conversions()} >= {"HP0", "HP1"}


def test_a_notice_that_cannot_be_kept_costs_no_sale(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise OperationalError

    with monkeypatch.context() as broken:
        broken.setattr(drift, "note_drift", fail)
        answer = world.post_webhook(novel())
    assert (answer.json(), notices()) == ({"status": "recorded"}, [])

    world.post_webhook(novel())
    assert notices() == [("hotmart", "2.0.0", "novel")], "it was not taken for noted"
