"""The reader of untrusted bodies: what it gives, what it calls missing, and how it names what is wrong."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from apps.gateways.errors import PayloadError
from apps.gateways.payload import Payload

MISSING_VALUES: tuple[Any, ...] = (None, "", "   ", "\t\n", [], {})
READERS = ("text", "identifier", "money", "minor_units", "currency", "integer", "flag", "epoch_s", "epoch_ms")


def test_a_value_is_found_by_its_path() -> None:
    payload = Payload({"data": {"purchase": {"transaction": "HP1"}}})

    assert payload.text("data.purchase.transaction") == "HP1"


def test_the_first_path_that_holds_something_is_read() -> None:
    payload = Payload({"old": "second", "older": "third", "new": ""})

    assert payload.text("new", "old", "older") == "second"
    assert payload.text("nowhere.at.all", "older") == "third"


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("missing", MISSING_VALUES, ids=repr)
def test_a_missing_value_is_none_to_a_maybe_reader_and_an_error_to_the_plain_one(reader: str, missing: Any) -> None:
    payload = Payload({"data": {"field": missing}})

    assert getattr(payload, f"maybe_{reader}")("data.field") is None
    with pytest.raises(PayloadError) as error:
        getattr(payload, reader)("data.field")

    assert (error.value.path, error.value.found) == ("data.field", "nothing")


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("parent", MISSING_VALUES, ids=repr)
def test_what_is_inside_a_missing_object_is_missing(reader: str, parent: Any) -> None:
    assert getattr(Payload({"data": parent}), f"maybe_{reader}")("data.field.deeper") is None


def test_a_required_value_names_every_alternative() -> None:
    with pytest.raises(PayloadError) as error:
        Payload({"data": {}}).identifier("data.purchase.transaction", "transaction")

    assert error.value.path == "data.purchase.transaction or transaction"


@pytest.mark.parametrize(
    ("value", "found"),
    [(7, "number"), (Decimal("1.5"), "number"), (True, "boolean"), ("x", "string"), ([1], "list")],
)
def test_a_path_through_something_that_is_no_object_names_the_obstacle(value: Any, found: str) -> None:
    with pytest.raises(PayloadError) as error:
        Payload({"data": {"data": value}}).maybe_text("data.data.data.id")

    assert (error.value.path, error.value.expected, error.value.found) == ("data.data", "an object", found)


def test_an_error_names_types_and_never_the_value() -> None:
    secret = "ana@example.com"

    with pytest.raises(PayloadError) as error:
        Payload({"buyer": {"age": secret}}).integer("buyer.age")

    assert str(error.value) == "buyer.age: expected a whole number from 0 to below 2^31, found string"
    assert secret not in repr(error.value)


def test_a_reader_never_shows_what_it_holds() -> None:
    assert "ana@example.com" not in repr(Payload({"email": "ana@example.com"}))


@pytest.mark.parametrize("value", ["x" * 1_000, "São Paulo", " kept as it is ", "a\nb", "😀", "'; DROP TABLE x"])
def test_text_comes_out_unchanged(value: str) -> None:
    assert Payload({"field": value}).text("field") == value


@pytest.mark.parametrize("value", ["x" * 1_001, "a\0b", True, {"x": 1}, [1], Decimal("1.5"), 10**18, -1])
def test_text_refuses(value: Any) -> None:
    for read in (Payload({"field": value}).text, Payload({"field": value}).maybe_text):
        with pytest.raises(PayloadError) as error:
            read("field")
        assert error.value.path == "field"


def test_an_identifier_may_be_a_number_and_is_short() -> None:
    payload = Payload({"zero": 0, "number": 4410027, "text": "HP1", "long": "x" * 201, "longest": "x" * 200})

    assert payload.identifier("zero") == "0"
    assert payload.identifier("number") == "4410027"
    assert payload.identifier("text") == "HP1"
    assert payload.identifier("longest") == "x" * 200
    with pytest.raises(PayloadError):
        payload.identifier("long")


def test_money_in_minor_units_is_exact() -> None:
    payload = Payload({"cents": 19790, "text": "1", "yen": 4980, "fils": 12350})

    assert str(payload.minor_units("cents")) == "197.90"
    assert str(payload.minor_units("text")) == "0.01"
    assert str(payload.minor_units("yen", decimals=0)) == "4980"
    assert str(payload.maybe_minor_units("fils", decimals=3)) == "12.350"
    assert payload.maybe_minor_units("none", decimals=3) is None


@pytest.mark.parametrize("value", [Decimal("197.9"), "197.90", -1, 10**12, True, "1e3"])
def test_minor_units_refuse_what_is_not_whole(value: Any) -> None:
    with pytest.raises(PayloadError) as error:
        Payload({"amount": value}).maybe_minor_units("amount")

    assert error.value.path == "amount"


def test_times_are_aware_and_exact_to_the_millisecond() -> None:
    payload = Payload({"ms": 1_772_460_729_512, "text": "1772460729512", "s": 1_772_460_729, "whole": Decimal("10.0")})

    assert payload.epoch_ms("ms") == datetime(2026, 3, 2, 14, 12, 9, 512_000, tzinfo=UTC)
    assert payload.epoch_ms("text") == payload.epoch_ms("ms")
    assert payload.epoch_s("s") == datetime(2026, 3, 2, 14, 12, 9, tzinfo=UTC)
    assert payload.maybe_epoch_s("whole") == datetime(1970, 1, 1, 0, 0, 10, tzinfo=UTC)


@pytest.mark.parametrize("value", ["31/02/2026", "2026-03-02", -1, 4_102_444_800_000, 10**30, "9" * 19, True, ["x"]])
def test_an_unreadable_time_is_an_error_only_where_it_is_required(value: Any) -> None:
    payload = Payload({"at": value})

    assert payload.maybe_epoch_ms("at") is None
    assert payload.maybe_epoch_s("at") is None
    assert payload.maybe_instant("at") is None
    with pytest.raises(PayloadError) as error:
        payload.epoch_ms("at")
    assert error.value.path == "at"


def test_an_unreadable_time_gives_way_to_the_next_path() -> None:
    payload = Payload({"approved": "soon", "created": 1_772_460_729_512})

    assert payload.maybe_epoch_ms("approved", "created") == datetime(2026, 3, 2, 14, 12, 9, 512_000, tzinfo=UTC)


def test_a_reader_of_an_object_names_whole_paths() -> None:
    thing = Payload({"data": {"object": {"customer": {"email": 1.5}}}}).at("data.object").at("customer")

    with pytest.raises(PayloadError) as error:
        thing.text("email.inner")

    assert error.value.path == "data.object.customer.email"


@pytest.mark.parametrize("missing", MISSING_VALUES, ids=repr)
def test_a_reader_of_a_missing_object_finds_nothing(missing: Any) -> None:
    thing = Payload({"data": missing}).at("data.object", "data")

    assert thing.maybe_text("id") is None
    with pytest.raises(PayloadError) as error:
        thing.text("id")
    assert error.value.path == "data.object.id"


@pytest.mark.parametrize("value", ["text", 1, True, ["x"]])
def test_an_object_is_not_read_from_anything_else(value: Any) -> None:
    for read in (Payload({"data": value}).at, Payload({"data": value}).strings):
        with pytest.raises(PayloadError) as error:
            read("data")
        assert (error.value.path, error.value.expected) == ("data", "an object")


def test_a_list_gives_a_reader_for_each_entry() -> None:
    payload = Payload({"items": [{"id": "a"}, {"id": None}], "words": ["card", "pix"]})

    assert [item.maybe_text("id") for item in payload.items("items")] == ["a", None]
    assert [word.text("") for word in payload.items("words")] == ["card", "pix"]
    with pytest.raises(PayloadError) as error:
        [item.text("id") for item in payload.items("items")]
    assert error.value.path == "items.1.id"


def test_a_list_may_be_missing_or_come_from_a_form() -> None:
    payload = Payload({"none": None, "php": [], "form": {"0": "card", "1": "pix"}})

    assert list(payload.items("none")) == list(payload.items("php")) == list(payload.items("nowhere")) == []
    assert [word.text("") for word in payload.items("form")] == ["card", "pix"]


@pytest.mark.parametrize("value", ["text", 1, {"a": 1}, {"0": 1, "b": 2}])
def test_a_list_is_not_read_from_anything_else(value: Any) -> None:
    with pytest.raises(PayloadError) as error:
        Payload({"items": value}).items("items")

    assert (error.value.path, error.value.expected) == ("items", "a list")


def test_strings_keep_text_whole_and_leave_the_rest_out() -> None:
    long = "IwAR" + "x" * 1_900
    extras: dict[str, Any] = {"sck": " c1 ", "fbclid": long, "id": 120210, "empty": "", "null": None}
    extras |= {
        "nested": {"a": 1},
        "too_long": "x" * 2_001,
        "nul": "a\0b",
        "flag": True,
        "": "no name",
        "a\0": "x",
    }

    assert Payload({"origin": extras}).strings("origin") == {"sck": " c1 ", "fbclid": long, "id": "120210"}


@pytest.mark.parametrize("missing", MISSING_VALUES, ids=repr)
def test_strings_of_nothing_are_none(missing: Any) -> None:
    assert Payload({"origin": missing}).strings("origin") == {}


def test_the_whole_body_is_named_body() -> None:
    with pytest.raises(PayloadError) as error:
        Payload("text").at("").text("id")

    assert error.value.path == "body"
