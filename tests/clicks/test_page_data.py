"""Of what a page event is: what can be used of a page's own words, and what is named."""

from typing import Any

import pytest

from apps.clicks.page_data import read_data

WHOLE = {
    "value": "197.90",
    "currency": "BRL",
    "content_ids": ["curso-1", "curso-2"],
    "content_name": "Curso de Confeitaria",
    "content_type": "product",
    "num_items": 2,
}


def test_all_of_it_is_kept() -> None:
    assert read_data(WHOLE) == (WHOLE, {})


@pytest.mark.parametrize("nothing", [None, "", {}, {"value": None}, {"value": ""}, {"content_ids": []}])
def test_nothing_says_nothing(nothing: Any) -> None:
    assert read_data(nothing) == ({}, {})


@pytest.mark.parametrize("given", [[], [WHOLE], "value=1", 7, True])
def test_it_must_be_an_object(given: Any) -> None:
    assert read_data(given) == ({}, {"data": "not_an_object"})


def test_what_else_a_page_puts_there_is_left_out() -> None:
    given = {"value": 1, "email": "ana@example.com", "user_data": {"em": "ana@example.com"}, "contents": [{"id": 1}]}

    assert read_data(given) == ({"value": "1"}, {})


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("value", 197.9, "197.9"),
        ("value", 0, "0"),
        ("value", 1e-05, "0.00001"),
        ("value", 12345678901.25, "12345678901.25"),
        ("value", " 97.00 ", "97.00"),
        ("currency", "brl", "BRL"),
        ("content_ids", "curso-1", ["curso-1"]),
        ("content_ids", 4711, ["4711"]),
        ("content_ids", [4711, "b"], ["4711", "b"]),
        ("content_ids", ["x" * 100] * 50, ["x" * 100] * 50),
        ("content_name", "n" * 300, "n" * 300),
        ("content_name", 7, "7"),
        ("content_type", "product_group", "product_group"),
        ("num_items", 0, 0),
    ],
)
def test_one_value_may_be_written_in_several_ways(name: str, given: Any, kept: Any) -> None:
    assert read_data({name: given}) == ({name: kept}, {})


UNUSABLE: dict[tuple[str, str], list[Any]] = {
    ("value", "not_a_number"): [
        *(True, -1, "R$ 97,00", "97,00", "-1", "1e3", [1], {"a": 1}, "9" * 13),
        *(float("inf"), float("nan"), 1e300),
    ],
    ("currency", "not_a_currency"): ["R$", "REAL", "B1L", 986, True, ["BRL"]],
    ("content_ids", "not_a_list_of_texts"): [
        {},
        [None],
        [""],
        [{}],
        [True],
        ["x" * 101],
        ["x"] * 51,
        ["ana@example.com"],
    ],
    ("content_name", "not_text"): [{}, True, 1.5, "n" * 301, "a\x00b", "Curso de ana@example.com"],
    ("content_type", "not_a_content_type"): ["Product", 1, ["product"]],
    ("num_items", "not_a_number"): ["2", 1.5, True, -1, 10**6],
}


@pytest.mark.parametrize(
    ("name", "given", "word"),
    [
        *((name, given, word) for (name, word), values in UNUSABLE.items() for given in values),
    ],
)
def test_what_cannot_be_used_is_named_and_the_rest_kept(name: str, given: Any, word: str) -> None:
    other = "content_type" if name != "content_type" else "currency"

    assert read_data({name: given, other: WHOLE[other]}) == ({other: WHOLE[other]}, {f"data.{name}": word})
