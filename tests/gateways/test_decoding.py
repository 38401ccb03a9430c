"""From bytes to values: strict JSON, and forms in PHP's way."""

from decimal import Decimal
from urllib.parse import urlencode

import pytest

from apps.gateways.decoding import MAX_FORM_FIELDS, MAX_MESSAGES, decode_body, decode_form, decode_json
from apps.gateways.errors import PayloadError

FORM = "application/x-www-form-urlencoded"


def test_fractions_are_exact() -> None:
    [decoded] = decode_json(b'{"a": 0.1, "b": 1259.40, "c": 1e3, "d": 7, "e": 1E400}')

    assert isinstance(decoded, dict)
    assert decoded == {
        "a": Decimal("0.1"),
        "b": Decimal("1259.40"),
        "c": Decimal("1E+3"),
        "d": 7,
        "e": Decimal("1E+400"),
    }
    assert str(decoded["b"]) == "1259.40"
    assert isinstance(decoded["d"], int)


def test_text_is_kept_as_it_is() -> None:
    assert decode_json('{"nome": "Célia 😀", "x": "\\u00e9\\n"}'.encode()) == [{"nome": "Célia 😀", "x": "é\n"}]


def test_the_last_of_repeated_keys_counts() -> None:
    assert decode_json(b'{"id": 1, "id": 2}') == [{"id": 2}]
    assert decode_form(b"id=1&id=2") == {"id": "2"}


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"}",
        b"{]",
        b"nul",
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":"\xff\xc0\xaf"}',
        b'{"\xff":1}',
        b"{'a':1}",
        rb'{"a":"\ud800"}',
        rb'{"a":"\udc00\ud800"}',
        rb'{"\ud800":1}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":1,}',
        b'{"a":01}',
        b"\xef\xbb\xbf{}",
        '{"a":1}'.encode("utf-16"),
        b'{"a":1} {"b":2}',
        b'{"a":1}\x00',
        b"a=1&b=2",
        b"\x1f\x8b\x08",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' + b"9" * 5_000 + b"}",
        b'{"a":-' + b"9" * 5_000 + b"}",
        b'{"a":1e99999999999999999999}',
    ],
    ids=lambda body: repr(body[:20]),
)
def test_what_is_not_strict_json_is_refused(body: bytes) -> None:
    with pytest.raises(PayloadError) as error:
        decode_json(body)

    assert (error.value.path, error.value.found) == ("body", "unreadable bytes")


@pytest.mark.parametrize("body", [b"null", b"[]", b'"x"', b"0", b"true", b"[1]", b"[[]]", b'[{"event":"x"}, 1]'])
def test_json_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(PayloadError) as error:
        decode_json(body)

    assert (error.value.path, error.value.found) == ("body", "other JSON")


def test_a_list_holds_several_messages() -> None:
    assert decode_json(b'[{"id": 1}, {"id": 2}]') == [{"id": 1}, {"id": 2}]


def test_a_list_has_an_end() -> None:
    longest = b"[" + b",".join([b"{}"] * MAX_MESSAGES) + b"]"

    assert len(decode_json(longest)) == MAX_MESSAGES
    with pytest.raises(PayloadError):
        decode_json(longest[:-1] + b",{}]")


def test_an_empty_body_is_nothing() -> None:
    with pytest.raises(PayloadError) as error:
        decode_json(b"")

    assert error.value.found == "nothing"


def test_an_error_does_not_carry_the_body_into_a_traceback() -> None:
    with pytest.raises(PayloadError) as error:
        decode_json(b'{"email":"ana@example.com\xff"}')

    assert error.value.__suppress_context__
    assert "ana@example.com" not in str(error.value)


def test_a_form_is_nested_by_brackets() -> None:
    body = b"status=paid&meta[src]=fb&meta[utm][source]=x&items[0][id]=7&items[1][id]=8&tags[]=a&tags[]=b"

    assert decode_form(body) == {
        "status": "paid",
        "meta": {"src": "fb", "utm": {"source": "x"}},
        "items": {"0": {"id": "7"}, "1": {"id": "8"}},
        "tags": {"0": "a", "1": "b"},
    }


def test_a_form_is_decoded_once_and_blanks_are_kept() -> None:
    assert decode_form(b"name=C%C3%A9lia+Dantas&plus=%2B&twice=%2520&blank=") == {
        "name": "Célia Dantas",
        "plus": "+",
        "twice": "%20",
        "blank": "",
    }


@pytest.mark.parametrize("key", ["a[b", "a]b", "[a]", "a[b]c", "[]", "a[[b]]"])
def test_a_key_with_odd_brackets_is_one_word(key: str) -> None:
    assert decode_form(urlencode({key: "1"}).encode()) == {key: "1"}


@pytest.mark.parametrize(
    "body",
    [b"a=%ff", b"\xff=1", b"a=1&a[b]=2", b"a[b]=1&a[b][c]=2", b"a" + b"[b]" * 8 + b"=1"],
)
def test_a_form_that_cannot_be_read_is_refused(body: bytes) -> None:
    with pytest.raises(PayloadError) as error:
        decode_form(body)

    assert error.value.path == "body"


def test_a_form_has_a_limit_of_fields() -> None:
    fields = [f"f{number}=1" for number in range(MAX_FORM_FIELDS + 1)]

    assert len(decode_form("&".join(fields[:-1]).encode())) == MAX_FORM_FIELDS
    with pytest.raises(PayloadError):
        decode_form("&".join(fields).encode())


@pytest.mark.parametrize("content_type", ["", "application/json", "text/plain; charset=latin1", FORM, FORM.upper()])
def test_the_first_byte_decides_whatever_the_label_says(content_type: str) -> None:
    assert decode_body(b'{"a": 1}', content_type) == [{"a": 1}]
    assert decode_body(b' [{"a": 1}]', content_type) == [{"a": 1}]
    assert decode_body(b"a=1&b[c]=2", content_type) == [{"a": "1", "b": {"c": "2"}}]


@pytest.mark.parametrize("body", [b"a", b'"a=1"', b"<a href='b=1'>", b"=1", b"--x\r\nContent-Disposition: form-data"])
def test_what_is_neither_is_refused(body: bytes) -> None:
    with pytest.raises(PayloadError):
        decode_body(body, "application/json")
