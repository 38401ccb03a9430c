"""The event id: one value for ever, and never the same for two different things."""

from itertools import combinations

from apps.dispatch.event_id import make_event_id

TENANT = "7b0e9c2e-5f0a-4c43-9d1b-2f4f6c1f8a10"


def test_the_id_never_changes() -> None:
    expected = "f92d2cceb80069484ce859242d6e07fec227cb6fba7c6daeb482f559d3251b9e"

    assert make_event_id(TENANT, "hotmart", "HP0000000001", "Purchase") == expected


def test_each_part_makes_a_difference() -> None:
    ids = {
        make_event_id(TENANT, "hotmart", "HP1", "Purchase"),
        make_event_id(TENANT.replace("7", "8"), "hotmart", "HP1", "Purchase"),
        make_event_id(TENANT, "kiwify", "HP1", "Purchase"),
        make_event_id(TENANT, "hotmart", "hp1", "Purchase"),
        make_event_id(TENANT, "hotmart", "HP1", "Subscribe"),
    }

    assert len(ids) == 5


def test_parts_that_run_into_each_other_stay_apart() -> None:
    lists = [
        ("t", "g", "o1", "e"),
        ("t", "go", "1", "e"),
        ("t", "g", "o", "1e"),
        ("tg", "", "o1", "e"),
        ("t", "g1:o", "1", "e"),
        ("t", "g", "1:o1", "e"),
        ("t", "g|o1", "", "e"),
    ]

    same = [pair for pair in combinations(lists, 2) if make_event_id(*pair[0]) == make_event_id(*pair[1])]

    assert same == []


def test_any_text_of_a_gateway_has_an_id() -> None:
    assert len(make_event_id(TENANT, "orders", "pedido nº 12 ✓\x1f\x00", "Purchase")) == 64
