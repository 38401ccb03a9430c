"""A gateway's own API, described without I/O.

A conversation is a generator: it yields an ApiRequest, is sent the ApiAnswer, and returns what it found out. Whoever
drives it (apps/funnels/credentials.py) makes the requests, so gateways stay pure and tests need no network.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, TypeAlias, TypeVar
from urllib.parse import urlencode

from apps.gateways.decoding import FORM_TYPE
from apps.gateways.payload import Payload

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One request. The repr shows the method alone: all else can hold credentials."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """What came back, whatever its status."""

    status: int
    body: bytes = field(default=b"", repr=False)

    def json(self) -> dict[str, Any]:
        """The object in the body; empty when there is none."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}


class Finding(StrEnum):
    """What a check of credentials found out, in stable words; apps/funnels/credentials.py has the sentences."""

    VALID = "valid"
    WRONG = "wrong"  # the gateway does not know them
    FORBIDDEN = "forbidden"  # it knows them, and they may not do this
    LIMITED = "limited"  # it asks to come back later
    UNEXPECTED = "unexpected"  # an answer that says neither yes nor no
    UNREACHABLE = "unreachable"  # no whole answer came


@dataclass(frozen=True, slots=True)
class Field:
    """One credential that the customer copies from the gateway; `label` is what the gateway's own pages call it."""

    name: str
    label: str
    is_secret: bool = True


Credentials: TypeAlias = Mapping[str, str]
Conversation: TypeAlias = Generator[ApiRequest, ApiAnswer, T]


class GatewayApi(ABC):
    """What the hub asks of a gateway's API. `hosts` are addresses by a name; a setting may send all elsewhere."""

    fields: ClassVar[tuple[Field, ...]]
    hosts: ClassVar[Mapping[str, str]]

    @abstractmethod
    def check(self, credentials: Credentials) -> Conversation[Finding]:
        """The smallest authenticated call. Yields requests whose `url` starts with one of `hosts`."""


class ConfirmingApi(GatewayApi):
    """An API that tells of one order, for a gateway whose webhooks nobody signs: what it says is believed instead."""

    @abstractmethod
    def order_to_confirm(self, payload: Payload) -> str | None:
        """The order that a message is about; None when it is about none. Raises PayloadError."""

    @abstractmethod
    def fetch_order(self, credentials: Credentials, order_id: str) -> Conversation[Mapping[str, object] | None]:
        """The order as the API has it; None when there was no usable answer."""

    @abstractmethod
    def confirmed(self, payload: Payload, order: Mapping[str, object]) -> dict[str, object]:
        """The message with what the API says in place of what it claims. Raises PayloadError where they contradict."""


def finding_of(answer: ApiAnswer) -> Finding:
    """What a status says about the credentials, where the gateway means by it what HTTP does."""
    if 200 <= answer.status < 300:
        return Finding.VALID
    return _FINDINGS.get(answer.status, Finding.UNEXPECTED)


_FINDINGS = {400: Finding.WRONG, 401: Finding.WRONG, 403: Finding.FORBIDDEN, 429: Finding.LIMITED}


def get(url: str, **headers: str) -> ApiRequest:
    return ApiRequest("GET", url, {name.replace("_", "-"): value for name, value in headers.items()})


def post_form(url: str, values: Mapping[str, str], **headers: str) -> ApiRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return ApiRequest("POST", url, {**named, "Content-Type": FORM_TYPE}, urlencode(values).encode())


def post_json(url: str, values: Mapping[str, Any], **headers: str) -> ApiRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return ApiRequest("POST", url, {**named, "Content-Type": "application/json"}, json.dumps(values).encode())
