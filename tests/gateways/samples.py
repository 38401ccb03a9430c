"""The fixtures of every adapter in the registry, and the damage that tests do to them."""

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import apps.gateways
from apps.gateways.base import Adapter
from apps.gateways.events import GatewayEvent
from apps.gateways.registry import ADAPTERS
from apps.gateways.request import WebhookRequest

FOLDER = Path(apps.gateways.__file__).parent
FORM = "application/x-www-form-urlencoded; charset=utf-8"
Place = tuple[str | int, ...]
MISSING = object()

# One value of every kind that JSON knows, and the numbers and texts that break naive code.
WRONG_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 10**12, 10**30, 1.5, -0.0),
    *("", " ", "text", "\0", "x" * 1_001, "-1", "1.234,56", "R$ 10", "NaN", "1e400", "9" * 30, "31/02/2026"),
    *([], {}, [[]], ["x"], {"x": 1}),
)


@dataclass(frozen=True)
class Sample:
    """A fixture: a body, and beside it the events it must give."""

    adapter: Adapter
    path: Path

    def __str__(self) -> str:
        return f"{self.adapter.slug}-{self.path.stem}{self.path.suffix}"

    @property
    def is_form(self) -> bool:
        return self.path.suffix == ".form"

    @property
    def request(self) -> WebhookRequest:
        return request_of(self.path.read_bytes().strip(), is_form=self.is_form)

    @property
    def expected(self) -> Any:
        return json.loads(self.path.with_suffix(".expected.json").read_text())

    @property
    def document(self) -> Any:
        """The body as Python values, for tests to damage; of a list, the first message."""
        if self.is_form:
            return dict(parse_qsl(self.path.read_text().strip(), keep_blank_values=True))
        decoded = json.loads(self.path.read_text())
        return decoded[0] if isinstance(decoded, list) else decoded

    def request_with(self, document: Any) -> WebhookRequest:
        body = encode_form(document) if self.is_form else json.dumps(document).encode()
        return request_of(body, is_form=self.is_form)


def request_of(body: bytes, *, is_form: bool = False) -> WebhookRequest:
    return WebhookRequest(body, {"Content-Type": FORM if is_form else "application/json"})


def encode_form(document: Mapping[str, Any]) -> bytes:
    """As PHP writes it: null is left out, lists and objects in brackets."""
    pairs: list[tuple[str, str]] = []
    for name, value in document.items():
        if isinstance(value, dict):
            pairs += [(f"{name}[{key}]", str(inner)) for key, inner in value.items()]
        elif isinstance(value, list):
            pairs += [(f"{name}[]", str(inner)) for inner in value]
        elif value is not None:
            pairs.append((name, str(value)))
    return urlencode(pairs).encode()


def samples_of(adapter: Adapter) -> list[Sample]:
    folder = FOLDER / adapter.slug / "fixtures"
    bodies = (path for path in folder.iterdir() if not path.name.endswith(".expected.json"))
    return [Sample(adapter, path) for path in sorted(bodies)]


def all_samples() -> list[Sample]:
    return [sample for adapter in ADAPTERS.values() for sample in samples_of(adapter)]


def sample_named(slug: str, name: str) -> Sample:
    return Sample(ADAPTERS[slug], FOLDER / slug / "fixtures" / name)


def as_json(event: GatewayEvent) -> dict[str, Any]:
    """An event as it stands in a fixture: what is None, empty or False is left out."""
    values = {field.name: getattr(event, field.name) for field in fields(event)}
    buyer = {field.name: getattr(event.buyer, field.name) for field in fields(event.buyer)}
    if buyer == {**dict.fromkeys(buyer), "phone_country": "BR"}:
        buyer = {}
    values["buyer"] = {name: value for name, value in buyer.items() if value is not None}
    values["items"] = [
        {name: _plain(value) for name, value in asdict(item).items() if value not in (None, "")} for item in event.items
    ]
    return {name: _plain(value) for name, value in values.items() if value is not False and value not in (None, {}, [])}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def places(document: Any, place: Place = ()) -> Iterator[Place]:
    """Where every value of a document is, leaves and containers."""
    entries = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in entries:
        yield (*place, key)
        if isinstance(value, dict | list):
            yield from places(value, (*place, key))


def value_at(document: Any, place: Place) -> Any:
    for key in place:
        document = document[key]
    return document


def with_value(document: Any, place: Place, value: Any) -> Any:
    """The document with another value, or with MISSING none, at one place; all else is shared, not copied."""
    changed: Any = copy.copy(document)
    key = place[0]
    if len(place) > 1:
        changed[key] = with_value(document[key], place[1:], value)
    elif value is not MISSING:
        changed[key] = value
    elif isinstance(changed, dict):
        changed.pop(key, None)
    else:
        changed.pop(key)
    return changed
