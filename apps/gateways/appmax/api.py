"""Appmax's own API, version 3: whether a token is right, and what Appmax itself says of an order.

It answers `{"success": true, "data": ..., "status": 200}` with amounts in decimal reais. An order looks as it does in
the Standard webhook's `data`.
"""

from collections.abc import Mapping
from typing import ClassVar
from urllib.parse import urlencode

import msgspec

from apps.gateways.api import (
    ApiAnswer,
    ConfirmingApi,
    Conversation,
    Credentials,
    Field,
    Finding,
    finding_of,
    get,
    post_json,
)
from apps.gateways.appmax import tables
from apps.gateways.errors import PayloadError
from apps.gateways.events import Kind
from apps.gateways.payload import Payload

TOKEN = Field("access_token", "API token")
HOST = "https://admin.appmax.com.br"

# Fractions as text: exact, read by every reader of amounts, and fit to be written as JSON again.
_decode = msgspec.json.Decoder(dict[str, object], float_hook=str).decode


class AppmaxApi(ConfirmingApi):
    """One token for the site. Reading an order, Appmax expects it in the query; no other way is documented."""

    fields = (TOKEN,)
    hosts: ClassVar[Mapping[str, str]] = {"admin": HOST}

    def check(self, credentials: Credentials) -> Conversation[Finding]:
        """Asks what one real in one instalment would cost, which changes nothing."""
        token = credentials[TOKEN.name]
        question = {"access-token": token, "installments": 1, "total": 1, "format": 2}
        answer = yield post_json(f"{HOST}/api/v3/payment/installments", question)
        finding = finding_of(answer)
        return Finding.UNEXPECTED if finding is Finding.VALID and not _success(answer) else finding

    def fetch_order(self, credentials: Credentials, order_id: str) -> Conversation[Mapping[str, object] | None]:
        """The order as Appmax has it; None if it does not know it or gives no usable answer."""
        if not (order_id.isascii() and order_id.isdecimal()):
            return None
        token = urlencode({"access-token": credentials[TOKEN.name]})
        answer = yield get(f"{HOST}/api/v3/order/{order_id}?{token}")
        order = _success(answer).get("data")
        return order if isinstance(order, dict) else None

    def order_to_confirm(self, payload: Payload) -> str | None:
        """None for a message that no order can bear out: a customer's, an ignored or an unknown one."""
        kind = _kind_of(payload)
        if kind in tables.OF_CUSTOMERS or kind in (Kind.IGNORED, Kind.UNKNOWN):
            return None
        return payload.identifier("data.order_id", "data.id")

    def confirmed(self, payload: Payload, order: Mapping[str, object]) -> dict[str, object]:
        """The same message with Appmax's own record of the order in place of what it said of it.

        Raises PayloadError for another order, and for a status in which that order cannot be if the message were true.
        """
        fetched = Payload(dict(order), "data")
        if fetched.identifier("id") != self.order_to_confirm(payload):
            raise PayloadError("data.id", "the order that the message is about", "another order")
        status = fetched.text("status")
        if status not in tables.BELIEVABLE.get(_kind_of(payload), {status}):
            raise PayloadError("data.status", "a status that bears out the message", "one that does not")
        message = payload.value if isinstance(payload.value, dict) else {}
        return {**message, "data": dict(order)}


def _kind_of(payload: Payload) -> Kind:
    return tables.EVENT_TYPES.get(tables.event_of(payload.identifier("event")), Kind.UNKNOWN)


def _success(answer: ApiAnswer) -> dict[str, object]:
    """The whole answer if it reports success, else nothing."""
    try:
        envelope = _decode(answer.body)
    except (ValueError, RecursionError):
        return {}
    return envelope if 200 <= answer.status < 300 and envelope.get("success") is True else {}
