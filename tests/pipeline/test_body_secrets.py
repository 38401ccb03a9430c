"""A token that comes inside the body, as every message of some gateways has it, goes no further than the door."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, urlencode

import pytest

from apps.conversions.models import Quarantine
from apps.conversions.services import request_replay
from apps.funnels import selectors
from apps.funnels.models import Endpoint
from apps.funnels.services import replace_secret
from apps.gateways.errors import PayloadError
from apps.gateways.registry import ADAPTERS
from apps.gateways.request import WebhookRequest
from apps.pipeline.stages import replay_quarantine_batch
from apps.tenants.scoping import unscoped
from tests.gateways.mutations import php_pairs
from tests.gateways.samples import FORM, MISSING, sample_named, with_value
from tests.pipeline.database import conversions, deliveries, everything_stored, forms_of, quarantined
from tests.pipeline.senders import IN_THE_BODY, sale_of, send
from tests.worlds import World

TOKENS = {"plain": "4f1c2b8a-token-of-ana", "odd": 'chave/da "Aña"\\+%&=😀', "digits": "4815162342"}
Document = dict[str, Any]
AMOUNTS = {"hotmart": "price", "perfectpay": "sale_amount", "braip": "trans_value"}
WORDS = {"hotmart": "status", "perfectpay": "sale_status_enum", "braip": "type"}
FIELDS = {"hotmart": "hottok", "perfectpay": "token", "braip": "basic_authentication"}


def sale(gateway: str, token: str) -> Document:
    """A sound sale with the gateway's token in its body, and only there."""
    sample = sample_named("hotmart", "version_1_approved.form") if gateway == "hotmart" else sale_of(gateway)
    return {**sample.document, FIELDS[gateway]: token}


@dataclass(frozen=True)
class Spoilt:
    """What is done to the sale, and what it is answered with."""

    status: str
    change: Callable[[str, Document], Document]


BODIES = {
    "readable": Spoilt("recorded", lambda gateway, body: body),
    "with a new field": Spoilt("recorded", lambda gateway, body: {**body, "novel": body[FIELDS[gateway]]}),
    "amount broken": Spoilt("quarantined", lambda gateway, body: {**body, AMOUNTS[gateway]: "R$ 10"}),
    "amount missing": Spoilt("quarantined", lambda gateway, body: with_value(body, (AMOUNTS[gateway],), MISSING)),
    "token elsewhere too": Spoilt(
        "quarantined",
        lambda gateway, body: {
            **body,
            AMOUNTS[gateway]: "?",
            "url": f"https://ana.example.com/?t={body[FIELDS[gateway]]}",
        },
    ),
    "unknown word": Spoilt("unknown", lambda gateway, body: {**body, WORDS[gateway]: "NOVIDADE"}),
}


def in_numbers(token: str) -> str:
    raw = token.encode("utf-16-be")
    return "".join(f"\\u{raw[at : at + 2].hex()}" for at in range(0, len(raw), 2))


def as_json(body: Document, token: str) -> bytes:
    return json.dumps(body).encode()


def as_utf_8(body: Document, token: str) -> bytes:
    return json.dumps(body, ensure_ascii=False, indent=1).encode()


def as_php_json(body: Document, token: str) -> bytes:
    return json.dumps(body).replace("/", "\\/").encode()


def as_odd_json(body: Document, token: str) -> bytes:
    return json.dumps(body).replace(json.dumps(token)[1:-1], in_numbers(token)).encode()


def as_bare_json(body: Document, token: str) -> bytes:
    """A token of digits, as a sender with loose types may write it."""
    written = as_json(body, token)
    return written.replace(f'"{token}"'.encode(), token.encode()) if token.isdecimal() else written


def as_list(body: Document, token: str) -> bytes:
    return json.dumps([body, body]).encode()


def as_form(body: Document, token: str) -> bytes:
    return urlencode(php_pairs(body)).encode()


def as_odd_form(body: Document, token: str) -> bytes:
    percents = "".join(f"%{byte:02x}" for byte in token.encode())
    return as_form(body, token).replace(quote_plus(token).encode(), percents.encode())


ENCODINGS = (as_json, as_utf_8, as_bare_json, as_php_json, as_odd_json, as_list, as_form, as_odd_form)


def send_body(world: World, gateway: str, body: bytes, *, is_form: bool) -> Any:
    return send(world, gateway, WebhookRequest(body, {"content-type": FORM if is_form else "application/json"}))


def use_token(world: World, gateway: str, token: str) -> None:
    with unscoped():
        replace_secret(world.funnel.endpoints.get(gateway=gateway), token)
        world.funnel.endpoints.update(previous_secret=None)
    selectors.forget_remembered()


def assert_nowhere(token: str, logs: str) -> None:
    spellings = forms_of(token) | {in_numbers(token), json.dumps(token)[1:-1], quote_plus(token)}
    stored = everything_stored() + logs
    bodies = b"\n".join(kept.body for kept in quarantined()).decode()

    assert [spelling for spelling in spellings if spelling.lower() in (stored + bodies).lower()] == []
    assert [text for text in strings_of([json_of(kept.body) for kept in quarantined()]) if token in text] == []


def json_of(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode()


def strings_of(value: Any) -> list[str]:
    if isinstance(value, dict | list):
        inner = [*value, *value.values()] if isinstance(value, dict) else value
        return [text for item in inner for text in strings_of(item)]
    return [str(value)]


def test_every_gateway_with_a_token_in_its_bodies_is_here() -> None:
    assert set(FIELDS) == {*IN_THE_BODY, "hotmart"}


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS)
@pytest.mark.parametrize("encode", ENCODINGS, ids=lambda encode: encode.__name__)
@pytest.mark.parametrize("gateway", FIELDS)
def test_the_token_reaches_neither_the_database_nor_a_log(
    world: World, gateway: str, encode: Callable[[Document, str], bytes], token: str, logged: Callable[[], str]
) -> None:
    use_token(world, gateway, token)
    bodies = [encode(spoilt.change(gateway, sale(gateway, token)), token) for spoilt in BODIES.values()]

    answers = [send_body(world, gateway, body, is_form=encode in (as_form, as_odd_form)) for body in bodies]

    assert [answer.json()["status"] for answer in answers] == [spoilt.status for spoilt in BODIES.values()]
    assert len(conversions()) == 1
    assert len(quarantined()) == 4 + (encode is as_list)
    assert_nowhere(token, logged())


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS)
@pytest.mark.parametrize("encode", ENCODINGS, ids=lambda encode: encode.__name__)
@pytest.mark.parametrize("gateway", FIELDS)
def test_what_was_masked_is_read_after_a_fix_as_it_would_have_been(
    world: World, gateway: str, encode: Callable[[Document, str], bytes], token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_token(world, gateway, token)
    body, is_form = encode(sale(gateway, token), token), encode in (as_form, as_odd_form)
    with monkeypatch.context() as older:
        older.setattr(type(ADAPTERS[gateway]), "read", too_old)
        kept = send_body(world, gateway, body, is_form=is_form)
    with unscoped():
        request_replay(Quarantine.objects.all())
        replay_quarantine_batch()
    (replayed,) = conversions()
    send_body(world, gateway, body, is_form=is_form)

    assert kept.json() == {"status": "quarantined"}
    assert [row.state for row in quarantined()] == ["replayed"]
    assert len({row.fingerprint for row in deliveries() if row.outcome == "recorded"}) == 1
    assert [row.amount for row in conversions()] == [replayed.amount]


def too_old(*_: Any) -> None:
    raise PayloadError("body", "what an older adapter knew", "something newer")


def test_a_token_that_was_sent_in_vain_is_not_kept_either(world: World, logged: Callable[[], str]) -> None:
    body = as_json(sale("braip", "a-token-of-somebody-else"), "")

    answer = send_body(world, "braip", body, is_form=False)

    assert answer.status_code == 401
    assert_nowhere("a-token-of-somebody-else", logged())


def test_a_broken_body_loses_the_token_that_its_header_proved(world: World, logged: Callable[[], str]) -> None:
    token = TOKENS["plain"]
    use_token(world, "hotmart", token)
    body = json.dumps({"hottok": token, "event": "PURCHASE_APPROVED"}).encode()[:-1]

    answer = send(world, "hotmart", WebhookRequest(body, {"x-hotmart-hottok": token}))

    assert answer.json() == {"status": "quarantined"}
    assert [kept.body for kept in quarantined()] == [body.replace(token.encode(), b"***")]
    assert_nowhere(token, logged())


def test_a_secret_that_travels_elsewhere_is_not_looked_for_in_the_body(world: World) -> None:
    with unscoped():
        replace_secret(Endpoint.objects.get(gateway="orders"), "1001")
    body = {"orderId": "CV-1001", "status": "paid", "paymentMethod": "pix"}

    answer = world.post_webhook(body, gateway="orders", **{"x-api-token": "1001"})

    assert (answer.status_code, answer.json()["status"]) == (202, "quarantined")
    with unscoped():
        assert b"CV-1001" in Quarantine.objects.get().body
