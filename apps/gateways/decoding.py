"""From the bytes of a webhook to plain values: JSON, and forms whose keys use PHP's brackets.

Strict on what a value is (no NaN, no broken UTF-8, no lone surrogates, fractions as Decimal), lenient on what
is extra. A repeated key counts with its last value, as it does in PHP and in the gateways' own tools.
"""

import re
from decimal import Decimal, InvalidOperation
from urllib.parse import parse_qsl

import msgspec

from apps.gateways.errors import PayloadError

MAX_MESSAGES = 1_000
MAX_FORM_FIELDS = 1_000
MAX_FORM_DEPTH = 8

FORM_TYPE = "application/x-www-form-urlencoded"

_decode_json = msgspec.json.Decoder(float_hook=Decimal).decode
_LIKE_A_FORM = re.compile(rb"[A-Za-z_][A-Za-z0-9_.%\[\]-]{0,199}=")
_FORM_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")


def decode_body(body: bytes, content_type: str) -> list[object]:
    """The messages of a body: one object, or each entry of a list.

    PHP senders label JSON as a form and forms as anything, so the first byte decides before the label does.
    """
    text = body.lstrip()
    is_form = content_type.lower().startswith(FORM_TYPE) or _LIKE_A_FORM.match(text)
    if is_form and not text.startswith((b"{", b"[")):
        return [decode_form(body)]
    return decode_json(body)


def decode_json(body: bytes) -> list[object]:
    try:
        value = _decode_json(body)
    except (ValueError, RecursionError, InvalidOperation):
        # "from None": the decoder's own error can carry a piece of the body into a log.
        raise PayloadError("body", "a JSON object", "unreadable bytes" if body else "nothing") from None
    messages = value if isinstance(value, list) else [value]
    if not 0 < len(messages) <= MAX_MESSAGES or not all(isinstance(message, dict) for message in messages):
        raise PayloadError("body", f"a JSON object, or a list of up to {MAX_MESSAGES:,}", "other JSON")
    return messages


def decode_form(body: bytes) -> dict[str, object]:
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS, errors="strict")
    except ValueError:
        raise PayloadError("body", f"a UTF-8 form of at most {MAX_FORM_FIELDS} fields", "unreadable bytes") from None
    form: dict[str, object] = {}
    for key, value in pairs:
        _place(form, _steps_of(key), value)
    return form


def _steps_of(key: str) -> list[str]:
    """`meta[utm][0]` is meta, utm, 0; a key whose brackets do not close is one plain word."""
    parts = _FORM_KEY.fullmatch(key)
    if parts is None:
        return [key]
    return [parts[1], *parts[2][1:-1].split("][")] if parts[2] else [key]


def _place(form: dict[str, object], steps: list[str], value: str) -> None:
    """Put a value where its steps lead; an empty step, PHP's `[]`, is the next number."""
    if len(steps) > MAX_FORM_DEPTH:
        raise PayloadError("body", f"form keys of at most {MAX_FORM_DEPTH} levels", "a deeper one")
    group = form
    for step in steps[:-1]:
        inner = group.setdefault(step or str(len(group)), {})
        if not isinstance(inner, dict):
            raise PayloadError("body", "form keys that agree", "a key used for both text and a group")
        group = inner
    group[steps[-1] or str(len(group))] = value
