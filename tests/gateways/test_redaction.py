"""The secret inside a body is masked however it is spelt, and nothing else is touched."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.gateways.decoding import decode_body
from apps.gateways.errors import PayloadError
from apps.gateways.redaction import hide_secrets
from apps.gateways.registry import ADAPTERS
from tests.gateways.samples import FORM, Sample, all_samples, request_of

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
TOKEN = 'Tök/en+of "Ana"\\&=%😀'
PLAIN = "4f1c2b8a-secret-of-ana"


def escaped(text: str, *, upper: bool = False) -> str:
    """Every character as JSON may write any: as the number of each UTF-16 unit."""
    raw = text.encode("utf-16-be")
    return "".join(
        f"\\u{raw[at : at + 2].hex().upper() if upper else raw[at : at + 2].hex()}" for at in range(0, len(raw), 2)
    )


def percent(text: str, *, upper: bool = True) -> str:
    return "".join(f"%{byte:02X}" if upper else f"%{byte:02x}" for byte in text.encode())


def half(text: str) -> str:
    return "".join(escaped(letter) if at % 2 else json.dumps(letter)[1:-1] for at, letter in enumerate(text))


@pytest.mark.parametrize("token", [TOKEN, PLAIN, "segredo da Ana", "a", "é", "12345678-9", "true"])
@pytest.mark.parametrize(
    "write",
    [
        json.dumps,
        lambda text: json.dumps(text, ensure_ascii=False),
        lambda text: json.dumps(text).replace("/", "\\/"),
        lambda text: f'"{escaped(text)}"',
        lambda text: f'"{escaped(text, upper=True)}"',
        lambda text: f'"{half(text)}"',
    ],
    ids=["ascii", "utf-8", "php", "numbers", "upper numbers", "half"],
)
def test_every_spelling_in_json_is_masked(token: str, write: Any) -> None:
    body = '{"n": 1.10, "token": @, "b": ["@", {"c": @}]}'.replace('"@"', "@").replace("@", write(token)).encode()
    before = decode_body(body, "")

    hidden = hide_secrets(body, [token])

    ((found,), (expected,)) = decode_body(hidden, ""), before
    assert isinstance(found, dict)
    assert (found["token"], found["b"]) == ("***", ["***", {"c": "***"}])
    assert isinstance(expected, dict)
    assert found["n"] == expected["n"]


@pytest.mark.parametrize("token", [TOKEN, PLAIN, "segredo da Ana", "12345678", "é"])
@pytest.mark.parametrize(
    "write",
    [
        lambda text: quote(text, safe=""),
        quote_plus,
        percent,
        lambda text: percent(text, upper=False),
        lambda text: quote(text, safe="").replace("%2F", "/"),
        lambda text: quote(text[:-1], safe="") + percent(text[-1]),
    ],
    ids=["quote", "plus", "all", "all lower", "but the slash", "mixed"],
)
@pytest.mark.parametrize("name", ["token", "a%5Bb%5D", "9"])
def test_every_spelling_in_a_form_is_masked(token: str, write: Any, name: str) -> None:
    body = f"before=1&{name}={write(token)}&after=2".encode()

    hidden = hide_secrets(body, [token], FORM)

    (found,) = decode_body(hidden, FORM)
    assert token not in json.dumps(found, ensure_ascii=False)
    assert found == {**decode_body(body, FORM)[0], **masked_at(name)}  # type: ignore[dict-item]


def masked_at(name: str) -> dict[str, Any]:
    return {"a": {"b": "***"}} if "%5B" in name else {name: "***"}


def test_the_rest_stays_to_the_byte() -> None:
    body = b'{ "a":1.50,\n "a" : 2, "token":"4f1c2b8a-secret-of-ana" , "\\u0061": "\\/"}'

    assert hide_secrets(body, [PLAIN]) == body.replace(PLAIN.encode(), b"***")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"a": NaN}', b"a=%ff", b"\x00", b'{"a": 1e400}']
)
def test_a_body_without_the_secret_stays_as_it_came(body: bytes) -> None:
    assert hide_secrets(body, [PLAIN, TOKEN]) == body


@pytest.mark.parametrize(
    ("body", "hidden"),
    [
        (b'{"token": "4f1c2b8a-secret-of-ana"', b'{"token": "***"'),
        (b"\xff<4f1c2b8a-secret-of-ana>\xff", b"\xff<***>\xff"),
        (b"4f1c2b8a-secret-of-ana" * 3, b"***" * 3),
        (b'[1, "4f1c2b8a-secret-of-ana"]', b'[1, "***"]'),
    ],
)
def test_what_cannot_be_decoded_loses_the_plain_secret_all_the_same(body: bytes, hidden: bytes) -> None:
    assert hide_secrets(body, [PLAIN]) == hidden


@pytest.mark.parametrize(
    ("body", "hidden"),
    [
        (b'{"token": 12345678, "n": 1}', b'{"token": null, "n": 1}'),
        (b'{"token":12345678}', b'{"token":null}'),
        (b'{"token": "12345678"}', b'{"token": "***"}'),
        (b'[{"token":12345678},{"token":12345678}]', b'[{"token":null},{"token":null}]'),
        (b"token=12345678&n=1", b"token=***&n=1"),
    ],
)
def test_a_bare_number_is_masked_so_that_the_body_stays_readable(body: bytes, hidden: bytes) -> None:
    assert hide_secrets(body, ["12345678"]) == hidden
    assert decode_body(hidden, "")


@pytest.mark.parametrize("amount", ["5123.00", '"5123.00"', "123", '"123"', "0.123", "1230"])
def test_no_other_amount_ever_takes_the_place_of_one(amount: str) -> None:
    """A poor secret spoils the body at worst: it is then for a person to look at, and never another sale."""
    adapter = ADAPTERS["orders"]
    body = json.dumps(adapter_sale()).replace('"@"', amount).encode()
    (event,) = adapter.parse(request_of(body))
    assert event.amount

    hidden = hide_secrets(body, ["123"])

    assert b"123" not in hidden
    assert reading_of(hidden) in (None, event.amount)


def adapter_sale() -> dict[str, Any]:
    return {
        "order_id": "A1",
        "status": "approved",
        "amount": "@",
        "currency": "BRL",
        "test": False,
        "occurred_at": "2026-03-02T10:00:00Z",
    }


def reading_of(body: bytes) -> Any:
    try:
        return ADAPTERS["orders"].parse(request_of(body))[0].amount
    except PayloadError:
        return None


@pytest.mark.parametrize("secrets", [[], [""], ["  "], ["", " ", "\n"]])
def test_a_blank_secret_masks_nothing(secrets: list[str]) -> None:
    body = b'{"a": "b c", "d": ""}'

    assert hide_secrets(body, secrets) == body


def test_the_secret_before_the_last_change_is_masked_too() -> None:
    assert hide_secrets(b"a=old-secret&b=new-secret", ["new-secret", "old-secret"]) == b"a=***&b=***"


@pytest.mark.parametrize("sample", all_samples(), ids=str)
def test_a_masked_body_is_read_as_the_one_that_came(sample: Sample) -> None:
    """So that a replay gives what the delivery would have given."""
    signed = sample.adapter.verifier.sign(sample.request, PLAIN, NOW)
    hidden = hide_secrets(signed.body, [PLAIN], signed.headers["content-type"])

    assert PLAIN.encode() not in hidden
    assert sample.adapter.parse(request_of(hidden, is_form=sample.is_form)) == sample.adapter.parse(sample.request)


def plainly(text: str) -> str:
    return json.dumps(text)[1:-1]


@settings(deadline=None, derandomize=True, max_examples=200)
@given(
    token=st.text(st.characters(exclude_categories=["Cs"]), min_size=4, max_size=12).filter(str.strip),
    spell=st.sampled_from([escaped, half, plainly, percent, quote_plus]),
)
def test_no_secret_survives_any_spelling(token: str, spell: Any) -> None:
    is_form = spell in (percent, quote_plus)
    body = (f"field={spell(token)}" if is_form else f'{{"field": "{spell(token)}"}}').encode()
    content_type = FORM if is_form else "application/json"
    assert decode_body(body, content_type) == [{"field": token}]

    assert decode_body(hide_secrets(body, [token], content_type), content_type) == [{"field": "***"}]
