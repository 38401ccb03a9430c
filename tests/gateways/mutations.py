"""What happens to a gateway's format over the years, done to a fixture: one change at one place, meaning untouched.

A mutation never writes another plausible value, so a reading may only stay as it was or fail: see `core_of`.
"""

import json
from collections.abc import Callable
from random import Random
from typing import Any
from urllib.parse import urlencode

from apps.conversions.transitions import STATUS_OF
from apps.gateways.errors import PayloadError
from apps.gateways.events import GatewayEvent, Kind
from apps.gateways.request import WebhookRequest
from tests.gateways.samples import MISSING, Place, Sample, places, request_of, value_at, with_value

# Where the sender's documents give the absence of a field a meaning.
DOCUMENTED_DEFAULTS = {"orders": {("commission", "currency"), ("isTest",), ("test",)}}
REFUSED = "refused"  # goes to quarantine, or is an unknown word: kept either way
Core = frozenset[tuple[Any, ...]] | str


def core_of(sample: Sample, request: WebhookRequest) -> Core:
    """What must never change unnoticed: which order, its status, its money, and whether it is real."""
    try:
        events = sample.adapter.parse(request)
    except PayloadError:
        return REFUSED
    if any(event.kind is Kind.UNKNOWN for event in events):
        return REFUSED
    return frozenset(_core(event) for event in events)


def telling_places(sample: Sample) -> list[Place]:
    """Every place whose loss may not change a reading unnoticed."""
    defaults = DOCUMENTED_DEFAULTS.get(sample.adapter.slug, set())
    return [place for place in places(sample.document) if place not in defaults]


def _core(event: GatewayEvent) -> tuple[Any, ...]:
    status = STATUS_OF.get(event.kind)
    if status is None:
        return (None,)
    return status, event.order_id, event.amount, event.currency, event.refunded_amount, event.is_test


def _rename(document: Any, place: Place, luck: Random) -> Any:
    name = f"{place[-1]}{luck.choice(['_v2', '2', 'New'])}"
    return with_value(with_value(document, (*place[:-1], name), value_at(document, place)), place, MISSING)


def _change_case(document: Any, place: Place, luck: Random) -> Any:
    name = str(place[-1]).swapcase()
    return with_value(with_value(document, (*place[:-1], name), value_at(document, place)), place, MISSING)


def _drop(document: Any, place: Place, luck: Random) -> Any:
    return with_value(document, place, MISSING)


def _retype(document: Any, place: Place, luck: Random) -> Any:
    value = value_at(document, place)
    if isinstance(value, bool):
        return with_value(document, place, luck.choice([int(value), str(value).lower(), [value]]))
    if isinstance(value, int | float):
        return with_value(document, place, luck.choice([str(value), [value], {"value": value}]))
    if isinstance(value, str):
        return with_value(document, place, luck.choice([[value], {"value": value}]))
    return with_value(document, place, luck.choice([{}, [[]]]) if value is None else json.dumps(value))


def _nest(document: Any, place: Place, luck: Random) -> Any:
    return with_value(document, place, {luck.choice(["value", "data", str(place[-1])]): value_at(document, place)})


def _null(document: Any, place: Place, luck: Random) -> Any:
    return with_value(document, place, None)


def _empty_list(document: Any, place: Place, luck: Random) -> Any:
    return with_value(document, place, [])


def _empty_text(document: Any, place: Place, luck: Random) -> Any:
    return with_value(document, place, "")


ONE_PLACE: dict[str, Callable[[Any, Place, Random], Any]] = {
    "rename": _rename,
    "change case": _change_case,
    "drop": _drop,
    "retype": _retype,
    "nest": _nest,
    "null": _null,
    "empty list": _empty_list,
    "empty text": _empty_text,
}
WHOLE_BODY = ("reorder", "duplicate keys", "send twice", "form-encode", "pretty-print", "escape")
MUTATIONS = (*ONE_PLACE, *WHOLE_BODY)


def mutate(sample: Sample, mutation: str, luck: Random) -> WebhookRequest:
    document = sample.document
    if mutation in ONE_PLACE:
        named = [place for place in telling_places(sample) if isinstance(place[-1], str)]
        return sample.request_with(ONE_PLACE[mutation](document, luck.choice(named), luck))
    if mutation == "form-encode":
        return request_of(urlencode(php_pairs(document)).encode(), is_form=luck.random() < 0.5)
    if sample.is_form:
        pairs = list(document.items())
        luck.shuffle(pairs)
        return request_of(urlencode([*pairs, *(pairs if mutation == "duplicate keys" else [])]).encode(), is_form=True)
    return request_of(_WRITERS[mutation](document, luck).encode())


def _reordered(value: Any, luck: Random) -> Any:
    if isinstance(value, dict):
        pairs = [(name, _reordered(inner, luck)) for name, inner in value.items()]
        luck.shuffle(pairs)
        return dict(pairs)
    return [_reordered(inner, luck) for inner in value] if isinstance(value, list) else value


def _with_every_key_twice(value: Any) -> str:
    """As text: a dict cannot hold a key twice."""
    if isinstance(value, dict):
        pairs = [f"{json.dumps(name)}:{_with_every_key_twice(inner)}" for name, inner in value.items()]
        return "{" + ",".join([*pairs, *pairs]) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_with_every_key_twice, value)) + "]"
    return json.dumps(value)


_WRITERS: dict[str, Callable[[Any, Random], str]] = {
    "reorder": lambda document, luck: json.dumps(_reordered(document, luck)),
    "duplicate keys": lambda document, luck: _with_every_key_twice(document),
    "send twice": lambda document, luck: json.dumps([document, document]),
    "pretty-print": lambda document, luck: "\n " + json.dumps(document, indent=2, ensure_ascii=False) + "\n",
    "escape": lambda document, luck: json.dumps(document).replace("/", "\\/"),
}


def php_pairs(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """As PHP's http_build_query: null is left out, true is 1 and false is 0, empty lists and objects vanish."""
    if isinstance(value, dict | list):
        entries = value.items() if isinstance(value, dict) else enumerate(value)
        return [
            pair for name, inner in entries for pair in php_pairs(inner, f"{prefix}[{name}]" if prefix else str(name))
        ]
    if value is None:
        return []
    return [(prefix, str(int(value)) if isinstance(value, bool) else str(value))]
