"""How a call may be wrapped: JSON, forms, texts within texts, the query; and what cannot be read at all."""

import json
from typing import Any

import pytest

from apps.sandbox.json_texts import MAX_DEPTH, parse_json
from apps.sandbox.meta.validation import examine_call
from tests.sandbox.samples import NOW, TOKEN, Json, make_call, make_event, user

EVENT = make_event(NOW)
TEXT = json.dumps(EVENT)
LIST = json.dumps([EVENT])


def nested(depth: int) -> Json:
    innermost: Json = {}
    for _ in range(depth):
        innermost = {"in": innermost}
    return innermost


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"form": {"data": LIST}}, id="form"),
        pytest.param({"form": {"data": json.dumps([TEXT])}}, id="form with a list of texts, as the SDKs send"),
        pytest.param({"body": json.dumps({"data": LIST}).encode()}, id="JSON with data as a text"),
        pytest.param({"body": json.dumps({"data": [TEXT]}).encode()}, id="JSON with events as texts"),
        pytest.param({"query": {"data": LIST}, "body": b""}, id="query"),
        pytest.param({"query": {"data": "[]"}, "form": {"data": LIST}}, id="the body beats the query"),
    ],
)
def test_every_documented_wrapping_is_opened(changes: Json) -> None:
    examined = examine_call(make_call(**changes))

    assert examined.refusal is None
    assert [event.payload for event in examined.events] == [EVENT]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "(#100) The parameter data is required."),
        (b"{}", "(#100) The parameter data is required."),
        (b'{"data": null}', "(#100) The parameter data is required."),
        (b'{"data": []}', "(#100) The parameter data is required."),
        (b'{"data": ""}', "(#100) The parameter data is required."),
        (b'{"data": "[]"}', "(#100) The parameter data is required."),
        (b'{"data": {}}', """(#100) Must be a list of events on param "$['data']\""""),
        (b'{"data": 0}', """(#100) Must be a list of events on param "$['data']\""""),
        (b'{"data": "oops"}', """(#100) Must be valid JSON on param "$['data']\""""),
        (b'{"data": ["oops"]}', """(#100) Must be valid JSON on param "$['data'][0]\""""),
        (b"{", "(#100) The body could not be read."),
        (b"\xff\xc0\xaf", "(#100) The body could not be read."),
        ("\ufeff{}".encode(), "(#100) The body could not be read."),
        ("{}".encode("utf-16"), "(#100) The body could not be read."),
        (b'{"data": NaN}', "(#100) The body could not be read."),
        (b'{"data": -Infinity}', "(#100) The body could not be read."),
        (b'{"data": 1e400}', "(#100) The body could not be read."),
        (b'{"data": ' + b"9" * 5000 + b"}", "(#100) The body could not be read."),
        (b"[" * 100_000, "(#100) The body could not be read."),
        (b"data=%5B%5D", "(#100) The body could not be read."),
        (b"null", "(#100) The body must be a JSON object."),
        (b"[]", "(#100) The body must be a JSON object."),
        (b'"x"', "(#100) The body must be a JSON object."),
        (b"0", "(#100) The body must be a JSON object."),
        (b"true", "(#100) The body must be a JSON object."),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_body_that_says_nothing_is_refused(body: bytes, message: str) -> None:
    examined = examine_call(make_call(body=body))

    assert examined.refusal is not None
    assert (examined.refusal.code, examined.refusal.subcode, examined.refusal.status) == (100, None, 400)
    assert examined.refusal.message == message
    assert (examined.events, examined.submitted) == ((), 0)


@pytest.mark.parametrize(
    "text",
    [r"a\u0000b", r"\ud800", r"\udfff x"],
    ids=["NUL", "half a pair", "other half"],
)
@pytest.mark.parametrize(
    "body",
    [
        '{"%s": 1}',
        '{"data": [{"event_name": "%s"}]}',
        '{"data": [{"custom_data": {"%s": {}}}]}',
        '{"test_event_code": "%s"}',
    ],
    ids=["key", "value", "inner key", "test event code"],
)
def test_a_text_that_no_database_can_keep_is_refused(body: str, text: str) -> None:
    examined = examine_call(make_call(body=(body % text).encode()))

    assert examined.refusal is not None
    assert examined.refusal.message == """(#100) Holds a character that is not text on param "$['body']\""""
    assert examined.events == ()


def test_a_whole_surrogate_pair_is_an_ordinary_sign() -> None:
    body = json.dumps({"data": [make_event(NOW, event_id="order-\U0001f600")]}).encode()

    [event] = examine_call(make_call(body=body)).events

    assert b"\\ud83d\\ude00" in body
    assert event.event_id == "order-😀"


def test_a_nul_hidden_in_a_text_within_the_body_is_found() -> None:
    hidden = json.dumps([json.dumps(make_event(NOW, event_name="a\x00b"))])

    examined = examine_call(make_call(form={"data": hidden}))

    assert examined.refusal is not None
    assert examined.refusal.message == """(#100) Holds a character that is not text on param "$['data'][0]\""""
    assert examined.events == ()


@pytest.mark.parametrize(("depth", "is_kept"), [(MAX_DEPTH - 5, True), (MAX_DEPTH, False), (900, False)])
def test_custom_data_may_be_deep_but_not_endless(depth: int, is_kept: bool) -> None:
    event = make_event(NOW, custom_data={"value": 1, "currency": "BRL", "own": nested(depth)})

    examined = examine_call(make_call(event))

    assert (examined.refusal is None) is is_kept
    assert len(examined.events) == int(is_kept)


def test_of_two_equal_keys_the_last_counts() -> None:
    body = b'{"data": [], "data": ' + LIST.encode() + b"}"

    assert len(examine_call(make_call(body=body)).events) == 1


def test_other_members_of_the_body_are_ignored() -> None:
    body = json.dumps({"data": [EVENT], "partner_agent": "hubtrack", "upload_tag": 7}).encode()

    assert examine_call(make_call(body=body)).refusal is None


def test_the_test_event_code_is_read() -> None:
    body = json.dumps({"data": [EVENT], "test_event_code": "TEST42"}).encode()

    assert examine_call(make_call(body=body)).test_event_code == "TEST42"


def test_a_test_event_code_must_be_a_string() -> None:
    examined = examine_call(make_call(body=json.dumps({"data": [EVENT], "test_event_code": 42}).encode()))

    assert examined.refusal is not None
    assert examined.refusal.where == "test_event_code"
    assert (examined.events, examined.submitted) == ((), 1)


def test_an_unreadable_body_still_shows_whose_token_came_with_it() -> None:
    assert examine_call(make_call(body=b"{")).token == TOKEN
    assert examine_call(make_call(body=b"{", authorization="", query={"access_token": "other"})).token == "other"


def test_a_refused_request_tells_how_many_events_it_meant_to_bring() -> None:
    examined = examine_call(make_call(EVENT, EVENT, version="v99.0"))

    assert (examined.events, examined.submitted) == ((), 2)


@pytest.mark.parametrize("number", [0, -0.01, 1e-9, 10**12, 12.5, 10**4000])
def test_numbers_of_any_size_survive(number: Any) -> None:
    event = make_event(NOW, custom_data={"value": number, "currency": "BRL"}, **user())

    [kept] = examine_call(make_call(event)).events

    assert kept.payload["custom_data"] == {"value": number, "currency": "BRL"}


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-1e999", "[" * 50_000, "1" * 4301, ""], ids=lambda text: text[:9])
def test_json_beyond_the_standard_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        parse_json(text)
