"""The contract learnt from fixtures: what counts as a new field, and how a body departs from what is known."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from apps.gateways import contract
from apps.gateways.base import Adapter
from apps.gateways.contract import MAX_DIFFERENCES, Contract, Difference, Shape, contract_of
from apps.gateways.events import GatewayEvent, Kind
from apps.gateways.payload import Payload
from apps.gateways.registry import ADAPTERS
from apps.gateways.signatures import SharedToken

SALE = {
    "event": "paid",
    "order": {"id": 1, "total": 19.9, "note": None},
    "items": [{"sku": "a", "count": 1}, {"sku": "b", "count": 2, "gift": True}],
    "meta": {"colour": "red"},
}
CART = {"event": "left", "order": {"id": 2}}


class ShopAdapter(Adapter):
    """A gateway whose fixtures the tests write."""

    slug = "shop"
    label = "Shop"
    verifier = SharedToken(header="x-shop")
    secret_label = "Key"
    event_paths = ("event",)
    event_types: ClassVar[dict[str, Kind]] = {"paid": Kind.APPROVED, "left": Kind.ABANDONED_CHECKOUT}
    click_id_field = "ref"
    tell_tales = ("event",)
    free_paths = ("meta", "nowhere.at.all")

    def read(self, payload: Payload, kind: Kind, word: str) -> GatewayEvent:
        return GatewayEvent(kind, word, order_id=payload.identifier("order.id"))


Learn = Callable[..., Contract]


@pytest.fixture
def learn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Learn:
    """Makes a contract of these fixtures, {file name: (body, words)}, and of these lines of fields.txt."""
    monkeypatch.setattr(contract, "_FOLDER", tmp_path)

    def learnt(fixtures: dict[str, tuple[Any, list[str]]], *documented: str) -> Contract:
        folder = tmp_path / "shop" / "fixtures"
        folder.mkdir(parents=True)
        for name, (body, words) in fixtures.items():
            path = folder / name
            path.write_text(body if isinstance(body, str) else json.dumps(body))
            path.with_suffix(".expected.json").write_text(json.dumps([{"vendor_event": word} for word in words]))
        if documented:
            (tmp_path / "shop" / "fields.txt").write_text("\n".join(documented))
        return contract_of(ShopAdapter())

    return learnt


@pytest.fixture
def known(learn: Learn) -> Contract:
    return learn({"sale.json": (SALE, ["paid"]), "cart.json": (CART, ["left"])})


# --- New fields ---


@pytest.mark.parametrize(
    ("changes", "paths"),
    [
        ({}, []),
        ({"loyalty": 1}, ["loyalty"]),
        ({"loyalty": {"points": 1}}, ["loyalty"]),
        ({"order": {"id": 1, "total": 1, "tip": 1}}, ["order.tip"]),
        ({"items": [{"sku": "a", "weight": 1}]}, ["items.[].weight"]),
        ({"items": {"0": {"sku": "a"}, "1": {"sku": "b", "weight": 1}}}, ["items.[].weight"]),
        ({"items": [], "order": None}, []),
        ({"items": "none", "order": 7}, []),
        ({"meta": {"size": "L", "deep": {"er": 1}}}, []),
    ],
)
def test_a_field_is_new_where_no_fixture_has_it(known: Contract, changes: dict[str, Any], paths: list[str]) -> None:
    assert known.new_fields({**SALE, **changes}) == paths


@pytest.mark.parametrize("message", [None, 1, "text", True, [], {}, {"event": None}])
def test_what_is_hardly_a_message_has_no_new_field(known: Contract, message: object) -> None:
    assert known.new_fields(message) == []


def test_a_field_is_new_in_each_entry_that_has_it(known: Contract) -> None:
    entries = [{"sku": "a", "weight": 1}, {"sku": "b"}, {"sku": "c", "weight": 2}]

    assert known.new_fields({**SALE, "items": entries}) == ["items.[].weight"] * 2


def test_every_message_of_a_listed_fixture_is_learnt(learn: Learn) -> None:
    known = learn({"both.json": ([SALE, {**CART, "campaign": 1}], ["paid", "left"])})

    assert known.new_fields({**CART, "campaign": 2, "source": 3}) == ["source"]


def test_a_form_is_learnt_like_json(learn: Learn) -> None:
    known = learn({"sale.form": ("event=paid&order[id]=1&items[][sku]=a", ["paid"])})

    assert known.new_fields({"event": "paid", "order": {"id": "2"}, "items": [{"sku": "x"}]}) == []
    assert known.new_fields({"items": {"0": {"sku": "x", "weight": "1"}}}) == ["items.[].weight"]


def test_documented_fields_are_known_too(learn: Learn) -> None:
    known = learn({"sale.json": (SALE, ["paid"])}, "# Seen once", "", "order.tip", "coupons.[].code", "loyalty")

    assert known.new_fields({"order": {"tip": 1}, "coupons": [{"code": "A"}], "loyalty": {"points": 1}}) == []
    assert known.new_fields({"coupons": [{"code": "A", "share": 1}], "Seen once": 1}) == ["coupons.[].share"]


ODD_NAMES = (
    *("beatriz@example.com", "5511987650001", "a b", "ação", "", ".", "a..b", ".a", "a.", "\0", "a\n", "<b>", "'--"),
    *("$ref", "a" * 301, "2026", "-"),
)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_name_that_no_gateway_would_choose_is_not_told(known: Contract, name: str) -> None:
    body = {**SALE, name: 1, "order": {"id": 1, "total": 1, "note": None, name: {"x": 1}}, "kept": 1}

    assert known.new_fields(body) == ["kept"]
    assert [found.path for found in known.differences(body, "paid")] == ["kept"]


@pytest.mark.parametrize(
    "name", ["a", "snake_case", "camelCase", "kebab-case", "3ds_version", "dotted.name", "_", "a" * 300]
)
def test_a_name_that_one_may_have_chosen_is(known: Contract, name: str) -> None:
    assert known.new_fields({**SALE, name: 1}) == [name]


@pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=lambda adapter: adapter.slug)
def test_every_field_of_every_gateway_has_a_name_that_can_be_told(adapter: Adapter) -> None:
    paths = list(paths_of(contract_of(adapter).whole))
    empty = Contract(Shape(), {})

    assert len(paths) > 20
    assert [path for path in paths if empty.new_fields({path: 1}) != [path]] == []


def paths_of(shape: Shape, prefix: str = "") -> Any:
    for name, member in shape.members.items():
        yield prefix + name
        yield from paths_of(member, f"{prefix}{name}.")


# --- Differences ---


def changed(**changes: Any) -> dict[str, Any]:
    return {name: value for name, value in {**SALE, **changes}.items() if value is not ...}


@pytest.mark.parametrize(
    ("body", "differences"),
    [
        (SALE, []),
        (changed(order=...), [("order", "object", "nothing")]),
        (changed(order="A1"), [("order", "object", "string")]),
        (changed(order=None), [("order", "object", "null")]),
        (changed(order={"id": 1, "note": None}), [("order.total", "number", "nothing")]),
        (changed(order={"id": "1", "total": 1, "note": None}), [("order.id", "number", "string")]),
        (changed(order={"id": True, "total": 1, "note": None}), [("order.id", "number", "boolean")]),
        (changed(order={"id": 1, "total": [1], "note": None}), [("order.total", "number", "list")]),
        (changed(items={"sku": "a"}), [("items", "list", "object")]),
        (changed(items=[]), []),
        (changed(items=[{"sku": "a"}]), [("items.[].count", "number", "nothing")]),
        (changed(items=[{"sku": 1, "count": 1}, {"sku": "b", "count": 1}]), [("items.[].sku", "string", "number")]),
        (changed(items=["a", {"sku": "b", "count": 1}]), [("items.[]", "object", "string")]),
        (changed(loyalty={"points": 1}), [("loyalty", "nothing", "object")]),
        (changed(meta={"anything": {"at": "all"}}), []),
        (changed(meta=None), []),
        ([SALE], [("body", "object", "list")]),
        ("text", [("body", "object", "string")]),
    ],
)
def test_a_body_is_compared_with_those_of_its_word(
    known: Contract, body: Any, differences: list[tuple[str, str, str]]
) -> None:
    assert known.differences(body, "paid") == [Difference(*difference) for difference in differences]


def test_what_only_some_bodies_of_a_word_have_is_not_missed(learn: Learn) -> None:
    known = learn({"a.json": (SALE, ["paid"]), "b.json": ({"event": "paid", "order": {"id": "x"}}, ["paid"])})

    assert known.differences({"event": "paid", "order": {"id": 1}}, "paid") == []
    assert known.differences({"event": "paid", "order": {"id": None}}, "paid") == [
        Difference("order.id", "number or string", "null")
    ]


def test_what_bodies_of_another_word_have_is_not_new(known: Contract) -> None:
    assert known.differences({**CART, "items": [{"sku": "a"}], "novel": 1}, "left") == [
        Difference("novel", "nothing", "number")
    ]


def test_a_new_word_is_compared_with_all_bodies_of_the_gateway(known: Contract) -> None:
    assert known.differences({**CART, "event": "settled", "items": 1}, "settled") == [
        Difference("items", "list", "number")
    ]
    assert known.differences({"order": {}}, "settled") == [
        Difference("event", "string", "nothing"),
        Difference("order.id", "number", "nothing"),
    ]


def test_a_documented_field_is_neither_missed_nor_found(learn: Learn) -> None:
    known = learn({"sale.json": (SALE, ["paid"])}, "loyalty.points", "loyalty.level")

    for word in ("paid", "settled"):
        assert known.differences({**SALE, "loyalty": {}}, word) == []
        assert known.differences({**SALE, "loyalty": {"points": 1}}, word) == []


def test_no_difference_carries_a_value(known: Contract) -> None:
    body = {"event": "s3cret", "order": "s3cret", "items": ["s3cret"], "novel": {"s3cret": "s3cret"}, "meta": "s3cret"}

    found = known.differences(body, "paid")

    assert [item.path for item in found] == ["order", "items.[]", "novel"]
    assert "s3cret" not in repr(found)


def test_many_differences_are_cut_and_each_is_told_once(known: Contract) -> None:
    names = [f"new_{number}" for number in range(MAX_DIFFERENCES + 30)]
    entries = [{"sku": "a", "count": "one"} for _ in range(1_000)]

    assert len(known.differences({**SALE, **dict.fromkeys(names)}, "paid")) == MAX_DIFFERENCES
    assert known.differences({**SALE, "items": entries}, "paid") == [Difference("items.[].count", "number", "string")]


def test_a_contract_is_read_once(known: Contract, tmp_path: Path) -> None:
    adapter = ShopAdapter()
    first = contract_of(adapter)
    (tmp_path / "shop" / "fixtures" / "sale.json").write_text("{")

    assert contract_of(adapter) is first
    assert contract_of(ADAPTERS["stripe"]) is contract_of(ADAPTERS["stripe"])
