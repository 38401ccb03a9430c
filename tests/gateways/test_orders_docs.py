"""docs/orders-api.md against the adapter: what a developer reads there is what happens."""

import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from apps.gateways.errors import SignatureError
from apps.gateways.events import Kind
from apps.gateways.orders import tables
from apps.gateways.registry import ADAPTERS
from apps.gateways.request import WebhookRequest
from tests.gateways.samples import FOLDER, as_json, request_of, samples_of
from tests.gateways.test_orders import read

ORDERS = ADAPTERS["orders"]
DOCUMENT = (FOLDER.parents[1] / "docs/orders-api.md").read_text()
OWN_PART, UTMIFY_PART = DOCUMENT.split("## Utmify's schema")
FENCED = re.compile(r"```json\n(.+?)```", re.DOTALL)
VECTOR = dict(re.findall(r"^    (token|t|body|v1) +(\S.*)$", DOCUMENT, re.MULTILINE))


def signed_as_printed(body: str = VECTOR["body"]) -> WebhookRequest:
    return request_of(body.encode()).with_header("X-Hubtrack-Signature", f"t={VECTOR['t']},v1={VECTOR['v1']}")


def fields_of(value: Any, path: str = "") -> Iterator[str]:
    """The dotted paths of everything in a body that has no members of its own; a list's entries share `[]`."""
    for name, member in value.items():
        here = f"{path}.{name}" if path else name
        entries = member if isinstance(member, list) else [member]
        for entry in entries:
            if isinstance(entry, dict):
                yield from fields_of(entry, f"{here}[]" if entry is not member else here)
            else:
                yield here


def test_the_printed_signature_is_that_of_the_printed_token_time_and_body() -> None:
    message = f"{VECTOR['t']}.{VECTOR['body']}".encode()

    assert hmac.new(VECTOR["token"].encode(), message, hashlib.sha256).hexdigest() == VECTOR["v1"]


def test_the_printed_request_is_accepted_and_is_a_sale() -> None:
    at = datetime.fromtimestamp(int(VECTOR["t"]), UTC)

    ORDERS.verify(signed_as_printed(), [VECTOR["token"]], at)
    (event,) = ORDERS.parse(signed_as_printed())

    assert as_json(event) == {
        "kind": "purchase_approved",
        "vendor_event": "approved",
        "order_id": "1042",
        "occurred_at": "2026-03-02T14:53:07+00:00",
        "amount": "197.60",
        "currency": "BRL",
    }


@pytest.mark.parametrize(
    ("body", "token", "later", "reason"),
    [
        (VECTOR["body"].replace("197.60", "997.60"), VECTOR["token"], 0, "mismatch"),
        (VECTOR["body"] + "\n", VECTOR["token"], 0, "mismatch"),
        (VECTOR["body"], VECTOR["token"].upper(), 0, "mismatch"),
        (VECTOR["body"], VECTOR["token"], 301, "stale"),
        (VECTOR["body"], VECTOR["token"], -61, "stale"),
    ],
)
def test_the_printed_signature_fits_nothing_else(body: str, token: str, later: int, reason: str) -> None:
    with pytest.raises(SignatureError) as refusal:
        ORDERS.verify(signed_as_printed(body), [token], datetime.fromtimestamp(int(VECTOR["t"]) + later, UTC))

    assert refusal.value.reason == reason


def test_the_printed_bodies_are_read() -> None:
    own, utmify = FENCED.findall(DOCUMENT)

    (refund,) = ORDERS.parse(request_of(own.encode()))
    (sale,) = ORDERS.parse(request_of(utmify.encode()))

    assert (refund.kind, str(refund.amount), str(refund.refunded_amount)) == (
        Kind.PARTIALLY_REFUNDED,
        "1234.57",
        "234.56",
    )
    assert sale == read("utmify_paid_pix.json")


@pytest.mark.parametrize("part", [OWN_PART, UTMIFY_PART], ids=["own", "utmify"])
def test_every_field_of_a_printed_body_is_described(part: str) -> None:
    (body,) = FENCED.findall(part)
    rows = "\n".join(line.split("|")[1] for line in part.splitlines() if line.startswith("| `"))

    described = set(re.findall(r"`([^`]+)`", rows))
    printed = {re.sub(r"^(tracking|trackingParameters)\..*", r"\1", field) for field in fields_of(json.loads(body))}

    assert printed - described == set()


def test_the_printed_body_of_the_hubs_own_schema_has_every_field_that_is_read() -> None:
    (body,) = FENCED.findall(OWN_PART)
    shown = {
        field
        for sample in samples_of(ORDERS)
        if sample.path.name.startswith("own_")
        for field in fields_of(sample.document)
        if not field.startswith("tracking.")
    }

    assert shown - set(fields_of(json.loads(body))) == set()


def test_every_word_is_described_and_no_other() -> None:
    table = OWN_PART.split("| `status` | When to send it |")[1].split("**If you know it**")[0]
    of_utmify = next(line for line in UTMIFY_PART.splitlines() if line.startswith("| `status`"))

    assert re.findall(r"^\| `([a-z_]+)` \| [A-Z]", table, re.MULTILINE) == list(tables.OWN)
    assert re.findall(r"`([a-z_]+)`", of_utmify)[1:] == list(tables.UTMIFY)
