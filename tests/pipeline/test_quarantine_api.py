"""The quarantine over REST: what differs from the contract, and having it read again, alone or with its like."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.conversions.models import Quarantine
from apps.gateways.hotmart import tables
from apps.pipeline.stages import replay_quarantine_batch
from apps.tenants.scoping import unscoped
from tests.gateways.samples import MISSING, with_value
from tests.pipeline.bodies import stripe_checkout
from tests.pipeline.database import conversions, quarantined
from tests.worlds import World, hotmart

PRICE = ("data", "purchase", "price", "value")
CURRENCY = ("data", "purchase", "price", "currency_value")
NEW_PRICE = "data.purchase.price_in_2027.value"


def without_price(order_id: str = "HP1") -> dict[str, Any]:
    body: dict[str, Any] = with_value(hotmart(order_id=order_id), PRICE, MISSING)
    body["data"]["purchase"] = {**body["data"]["purchase"], "price_in_2027": {"value": 197.9}}
    return body


def teach_the_adapter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "PRICE", (*tables.PRICE, NEW_PRICE))


def replay() -> int:
    with unscoped():
        return replay_quarantine_batch().rows


def listed(world: World, **query: str) -> list[dict[str, Any]]:
    answer = world.get("quarantine", **query)
    assert answer.status_code == 200, answer.content
    rows: list[dict[str, Any]] = answer.json()["results"]
    return rows


def ids(world: World) -> list[int]:
    """Oldest first."""
    return [row["id"] for row in reversed(listed(world))]


def states() -> list[tuple[str, bool]]:
    return [(kept.state, kept.due_at is not None) for kept in quarantined()]


# --- What is shown ---


def test_a_kept_delivery_is_told_with_its_differences_from_the_contract(world: World) -> None:
    world.post_webhook(without_price(), **{"x-request-id": "request-0001"})

    (row,) = listed(world)

    differences = {(item["path"], item["expected"], item["found"]) for item in row.pop("differences")}
    assert {
        ("data.purchase.price.value", "number or string", "nothing"),
        ("data.purchase.price_in_2027", "nothing", "object"),
    } <= differences
    (kept,) = quarantined()
    assert row == {
        "id": kept.pk,
        "gateway": "hotmart",
        "received_at": kept.delivery.received_at.isoformat().replace("+00:00", "Z"),
        "outcome": "quarantined",
        "vendor_event": "",
        "state": "waiting",
        "path": "data.purchase.price.value or price",
        "expected": kept.expected,
        "found": "nothing",
        "attempts": 0,
        "due_at": None,
        "resolved_at": None,
        "correlation_id": "request-0001",
    }
    assert world.get(f"quarantine/{kept.pk}").json()["path"] == row["path"]


def test_a_type_that_changed_is_told(world: World) -> None:
    world.post_webhook(with_value(hotmart(), PRICE, {"value": 197.9}))

    (row,) = listed(world)
    told = [item for item in row["differences"] if item["path"].startswith("data.purchase.price")]
    assert told == [{"path": "data.purchase.price.value", "expected": "number or string", "found": "object"}]


def test_an_unknown_word_is_told_with_its_differences_too(world: World) -> None:
    world.post_webhook({**hotmart("PURCHASE_SETTLED"), "novel": {"a": 1}})

    (row,) = listed(world)

    assert (row["outcome"], row["vendor_event"], row["path"]) == ("unknown", "PURCHASE_SETTLED", "event")
    assert {"path": "novel", "expected": "nothing", "found": "object"} in row["differences"]


@pytest.mark.parametrize("body", [b"{", b"\xff", b"null", b"[1]"])
def test_what_cannot_be_decoded_has_no_differences(world: World, body: bytes) -> None:
    world.post_webhook(body)

    assert [row["differences"] for row in listed(world)] == [[]]


@pytest.mark.parametrize("name", ["beatriz@example.com", "5511987650001", "\0", "a\0b", "ação", "x" * 5_000])
@pytest.mark.parametrize("body", [without_price(), hotmart("PURCHASE_SETTLED")], ids=["unreadable", "unknown word"])
def test_a_strange_name_in_a_body_is_kept_out_of_the_differences(world: World, name: str, body: Any) -> None:
    """It is somebody's own, or the database could not even hold it: either way the delivery is kept."""
    strange = {**body, name: 1, "data": {**body["data"], name: {name: 1}}}

    answer = world.post_webhook(strange)

    assert (answer.status_code, len(quarantined())) == (202, 1)
    assert [item for item in listed(world)[0]["differences"] if name in item["path"]] == []


def test_neither_list_nor_detail_ever_shows_a_body(world: World) -> None:
    world.post_webhook(b'{"email": "beatriz@example.com"')
    (kept,) = quarantined()

    for answer in (world.get("quarantine"), world.get(f"quarantine/{kept.pk}")):
        assert b"beatriz" not in answer.content
        assert b'body": ' not in answer.content


def test_filters(world: World) -> None:
    world.post_webhook(b"{")
    world.post_webhook(b"{", gateway="stripe")
    world.post_webhook(b"[", gateway="stripe")
    with unscoped():
        Quarantine.objects.filter(pk=quarantined()[2].pk).update(state="replayed")
    hot, one, other = (kept.pk for kept in quarantined())

    def found(**query: str) -> list[int]:
        return [row["id"] for row in listed(world, **query)]

    assert found() == [other, one, hot]
    assert found(gateway="stripe") == [other, one]
    assert found(state="waiting") == [one, hot]
    assert found(state="replayed", gateway="stripe") == [other]
    assert found(state="unconfirmed") == found(gateway="kiwify") == []
    assert found(state="", gateway="") == [other, one, hot]


@pytest.mark.parametrize("query", [{"state": "gone"}, {"gateway": "nobody"}, {"state": "waiting\0"}])
def test_a_filter_of_unknown_words_is_refused(world: World, query: dict[str, str]) -> None:
    answer = world.get("quarantine", **query)

    assert (answer.status_code, list(answer.json()["errors"])) == (422, list(query))


def test_another_tenants_is_not_found(world: World, other_world: World) -> None:
    other_world.post_webhook(b"{")
    (kept,) = quarantined()

    answers = [
        world.get(f"quarantine/{kept.pk}"),
        world.post(f"quarantine/{kept.pk}/replay"),
        world.post(f"quarantine/{kept.pk}/replay", {"alike": True}),
        world.get("quarantine/999999999"),
        world.get("quarantine/abc"),
    ]

    assert listed(world) == []
    assert [answer.status_code for answer in answers] == [404] * 5
    assert states() == [("waiting", False)]


@pytest.mark.parametrize("path", ["quarantine", "quarantine/1"])
def test_without_a_key_nothing_is_told(world: World, path: str) -> None:
    assert world.client.get(f"/api/v1/{path}").status_code == 401
    assert world.client.post("/api/v1/quarantine/1/replay").status_code == 401


def statements_of(world: World) -> int:
    with CaptureQueriesContext(connection) as captured:
        listed(world)
    return len(captured.captured_queries)


def test_a_page_is_the_same_statements_however_long(world: World) -> None:
    world.post_webhook(b"{")
    statements_of(world)
    one = statements_of(world)
    for number in range(19):
        world.post_webhook(b"{" * (number + 2), gateway=("hotmart", "stripe")[number % 2])

    assert statements_of(world) == one
    assert len(listed(world)) == 20


# --- Reading again ---


def test_one_is_read_again_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for order_id in ("HP1", "HP2"):
        world.post_webhook(without_price(order_id))
    teach_the_adapter(monkeypatch)
    first, _second = ids(world)

    answer = world.post(f"quarantine/{first}/replay")

    assert (answer.status_code, answer.json()) == (202, {"requested": 1})
    assert states() == [("waiting", True), ("waiting", False)]
    assert (replay(), states()) == (1, [("replayed", False), ("waiting", False)])
    assert [row.order_id for row in conversions()] == ["HP1"]
    detail = world.get(f"quarantine/{first}").json()
    assert (detail["state"], detail["attempts"], detail["resolved_at"] is None) == ("replayed", 1, False)


def test_alike_is_what_waits_for_the_same_reason(
    world: World, other_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for order_id in ("HP1", "HP2", "HP3"):
        world.post_webhook(without_price(order_id))
    world.post_webhook(with_value(hotmart(order_id="another reason"), CURRENCY, "REAIS"))
    world.post_webhook(stripe_checkout("another gateway", amount_total=None), gateway="stripe")
    other_world.post_webhook(without_price("another tenant"))
    teach_the_adapter(monkeypatch)
    first, *_others = ids(world)

    answer = world.post(f"quarantine/{first}/replay", {"alike": True})

    assert (answer.status_code, answer.json()) == (202, {"requested": 3})
    assert replay() == 3
    assert sorted(row.order_id for row in conversions()) == ["HP1", "HP2", "HP3"]
    assert states() == [("replayed", False)] * 3 + [("waiting", False)] * 3


def test_alike_asks_for_no_other_gateways_with_the_same_words(world: World) -> None:
    for gateway in ("hotmart", "stripe", "kiwify"):
        world.post_webhook(b"{", gateway=gateway)
    _hotmart, stripes, _kiwify = ids(world)

    assert world.post(f"quarantine/{stripes}/replay", {"alike": True}).json() == {"requested": 1}
    assert [is_due for _state, is_due in states()] == [False, True, False]


ODD_FORM = {"content-type": "application/x-www-form-urlencoded"}
ALIKE_BUT_FOR = {
    "what was found": [(with_value(hotmart(), CURRENCY, value), {}) for value in ("REAIS", 986, "R$")],
    "what was expected": [(b"{", {}), (b"a=%ff", ODD_FORM), (b"[", {})],
    "the path": [(with_value(hotmart(), place, True), {}) for place in (CURRENCY, PRICE, CURRENCY)],
}


@pytest.mark.parametrize("posts", ALIKE_BUT_FOR.values(), ids=ALIKE_BUT_FOR)
def test_only_the_very_same_reason_is_alike(world: World, posts: list[tuple[Any, dict[str, str]]]) -> None:
    for body, headers in posts:
        world.post_webhook(body, **headers)
    first, *_others = ids(world)

    assert world.post(f"quarantine/{first}/replay", {"alike": True}).json() == {"requested": 2}
    assert [is_due for _state, is_due in states()] == [True, False, True]


def test_what_was_read_already_cannot_be_read_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.post_webhook(without_price())
    teach_the_adapter(monkeypatch)
    (kept,) = ids(world)
    world.post(f"quarantine/{kept}/replay")
    replay()

    for body in (None, {"alike": False}, {"alike": True}):
        answer = world.post(f"quarantine/{kept}/replay", body)
        assert (answer.status_code, answer.json()["status"]) == (409, 409)
    assert states() == [("replayed", False)]


def test_without_a_fix_it_waits_with_one_more_attempt(world: World) -> None:
    world.post_webhook(b"{")
    (kept,) = ids(world)

    for attempts in (1, 2):
        assert world.post(f"quarantine/{kept}/replay").status_code == 202
        replay()
        assert [(row["state"], row["attempts"], row["due_at"]) for row in listed(world)] == [
            ("waiting", attempts, None)
        ]


@pytest.mark.parametrize("body", [{"alike": "perhaps"}, {"alike": None}, [], "alike", [1]])
def test_a_request_that_is_not_understood_changes_nothing(world: World, body: Any) -> None:
    world.post_webhook(b"{")
    (kept,) = ids(world)

    answer = world.post(f"quarantine/{kept}/replay", json.dumps(body))

    assert answer.status_code in (400, 422)
    assert states() == [("waiting", False)]
