"""Who an event is about: hashes are taken, clear text is refused by name or hashed, and never goes further."""

import hashlib
from typing import Any

import pytest

from apps.clicks.batch.people import People, read_people

HASHED = {key: letter * 64 for key, letter in zip(["em", "ph", "fn", "ln", "ge", "db"], "abcdef", strict=True)}
HASHED |= {
    key: digit * 64
    for key, digit in zip(["ct", "st", "zp", "country", "external_id", "ph_e164"], "123456", strict=True)
}


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def read(*, clear: bool = False, **given: Any) -> People:
    return read_people(given, may_send_clear=clear)


@pytest.mark.parametrize("clear", [False, True])
def test_every_key_is_taken_hashed(clear: bool) -> None:
    people = read(clear=clear, user=HASHED)

    assert people == People({key: [digest] for key, digest in HASHED.items()}, {}, {})


def test_the_names_of_other_endpoints_mean_the_same() -> None:
    people = read(email="a" * 64, phone="b" * 64, phone_e164="c" * 64, external_id="d" * 64)

    assert people.identity == {"em": ["a" * 64], "ph": ["b" * 64], "ph_e164": ["c" * 64], "external_id": ["d" * 64]}
    assert read(user={"email": "a" * 64, "phone": "b" * 64}).identity == {"em": ["a" * 64], "ph": ["b" * 64]}


def test_a_list_is_kept_in_its_order_and_once() -> None:
    people = read(email="b" * 64, user={"em": ["a" * 64, "B" * 64, "a" * 64]})

    assert people == People({"em": ["a" * 64, "b" * 64]}, {}, {})


def test_ten_hashes_are_enough() -> None:
    many = [f"{number:064x}" for number in range(11)]

    assert read(user={"em": many[:10]}).identity == {"em": many[:10]}
    assert read(user={"em": many}) == People({}, {"user.em": "too_many_hashes"}, {})


@pytest.mark.parametrize("nothing", [None, "", []])
def test_what_says_nothing_is_nothing(nothing: Any) -> None:
    assert read(user={"em": nothing}, email=nothing, phone=nothing) == People()
    assert read(user=nothing or None) == People()


@pytest.mark.parametrize("clear", [False, True])
@pytest.mark.parametrize("word", ["", " ", "null", "none", "None", "undefined", "nan"])
def test_the_hash_of_nothing_is_refused(word: str, clear: bool) -> None:
    people = read(clear=clear, user={"em": sha256(word), "ph": ["a" * 64, sha256(word).upper()]})

    assert people.problems == {"user.em": "hash_of_nothing", "user.ph": "hash_of_nothing"}


@pytest.mark.parametrize(
    "value",
    [
        "ana@example.com",
        "x",
        "a" * 63,
        "a" * 65,
        "g" * 64,
        " " + "a" * 64,
        "a" * 32,
        7,
        True,
        {"a": 1},
        ["a" * 64, "ana"],
    ],
)
def test_clear_text_is_refused_by_its_name(value: Any) -> None:
    people = read(user={"em": value, "external_id": value}, email=value, phone=value)

    assert people.problems == dict.fromkeys(("user.em", "user.external_id", "email", "phone"), "clear")


@pytest.mark.parametrize("name", ["full_name", "cpf", "address", "loyalty", "", "EM"])
def test_nothing_else_may_be_told_of_a_person(name: str) -> None:
    assert read(user={name: "Ana Souza"}) == People({}, {f"user.{name}": "personal"}, {})
    assert read(clear=True, user={name: "Ana Souza"}) == People({}, {}, {f"user.{name}": "unknown"})


@pytest.mark.parametrize("user", ["ana", 7, ["a" * 64], True])
def test_user_is_an_object(user: Any) -> None:
    assert read(user=user, email="a" * 64) == People({"em": ["a" * 64]}, {"user": "not_an_object"}, {})


def test_a_key_that_may_sends_clear_text_which_is_hashed() -> None:
    people = read(
        clear=True,
        user={
            "em": " Ana@Example.COM",
            "ph": "(11) 98765-4321",
            "fn": "Ana",
            "ln": "D'Ávila",
            "ct": "Recife",
            "st": "Pernambuco",
            "zp": "50030-230",
            "country": "BR",
            "ge": "Feminino",
            "db": "1990-03-05",
            "external_id": "User 42",
        },
    )

    assert people.identity == {
        "em": [sha256("ana@example.com")],
        "ph": [sha256("5511987654321")],
        "ph_e164": [sha256("+5511987654321")],
        "fn": [sha256("ana")],
        "ln": [sha256("dávila")],
        "ct": [sha256("recife")],
        "st": [sha256("pe")],
        "zp": [sha256("50030230"), sha256("50030")],
        "country": [sha256("br")],
        "ge": [sha256("f")],
        "db": [sha256("19900305")],
        "external_id": [sha256("user42")],
    }
    assert (people.problems, people.warnings) == ({}, {})


def test_clear_and_hashed_may_stand_side_by_side() -> None:
    people = read(clear=True, user={"em": ["a" * 64, "ana@example.com"]}, phone="+55 11 98765-4321")

    assert people.identity["em"] == ["a" * 64, sha256("ana@example.com")]
    assert people.identity["ph"] == [sha256("5511987654321")]


@pytest.mark.parametrize(
    ("country", "phone", "digits"),
    [
        (None, "11987654321", "5511987654321"),
        ("BR", "11987654321", "5511987654321"),
        ("Portugal", "912345678", "351912345678"),
        ("pt", "912345678", "351912345678"),
        ("pt", "+5511987654321", "5511987654321"),
        ("Atlantis", "11987654321", "5511987654321"),
        ("a" * 64, "11987654321", "5511987654321"),
        (7, "11987654321", "5511987654321"),
    ],
)
def test_a_phone_without_a_country_code_is_read_by_the_country(country: Any, phone: str, digits: str) -> None:
    user = {"ph": phone} | ({"country": country} if country else {})

    assert read(clear=True, user=user).identity["ph"] == [sha256(digits)]


def test_states_and_postal_codes_are_read_by_the_country() -> None:
    people = read(clear=True, user={"country": "US", "st": "California", "zp": "94105-1234"})

    assert (people.identity["st"], people.identity["zp"]) == ([sha256("ca")], [sha256("94105")])


def test_a_phone_may_be_a_number() -> None:
    assert read(clear=True, user={"ph": 5511987654321}).identity["ph"] == [sha256("5511987654321")]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *[("em", "not an address"), ("em", "x" * 10_000), ("em", "n/a"), ("em", "\x00")],
        *[("em", {}), ("em", {"a": 1}), ("em", True), ("em", [{}])],
        *[("ph", "123"), ("ph", "abc"), ("ph", 1.5)],
        *[("db", "05/03/1990"), ("db", "1890-01-01"), ("db", "x"), ("db", 7)],
        *[("ge", "?"), ("country", "Atlantis"), ("zp", "1"), ("external_id", " ")],
    ],
)
def test_what_cannot_be_read_costs_only_itself(key: str, value: Any) -> None:
    people = read(clear=True, user={key: value, "fn": "a" * 64})

    assert people == People({"fn": ["a" * 64]}, {}, {f"user.{key}": "unreadable"})


def test_tiktoks_phone_is_made_from_the_other_and_never_read_in_clear() -> None:
    assert read(clear=True, phone_e164="+5511987654321").problems == {"phone_e164": "not_a_hash"}
    assert read(phone_e164="+5511987654321").problems == {"phone_e164": "clear"}


def test_the_repr_shows_nobody() -> None:
    assert "a" * 64 not in repr(read(email="a" * 64))
