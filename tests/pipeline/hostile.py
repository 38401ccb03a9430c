"""Bodies that nobody should send and somebody will, all of them signed with the right secret."""

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.gateways.samples import Place, with_value
from tests.pipeline.bodies import stripe_checkout
from tests.worlds import hotmart

# Where each gateway's body has what.
PLACES: dict[str, dict[str, Place]] = {
    "hotmart": {
        "event": ("event",),
        "order": ("data", "purchase", "transaction"),
        "amount": ("data", "purchase", "price", "value"),
        "currency": ("data", "purchase", "price", "currency_value"),
        "time": ("data", "purchase", "approved_date"),
        "email": ("data", "buyer", "email"),
        "phone": ("data", "buyer", "checkout_phone"),
        "tracking": ("data", "purchase", "origin"),
        "product": ("data", "product", "name"),
    },
    "stripe": {
        "event": ("type",),
        "order": ("data", "object", "payment_intent"),
        "amount": ("data", "object", "amount_total"),
        "currency": ("data", "object", "currency"),
        "time": ("created",),
        "email": ("data", "object", "customer_details", "email"),
        "phone": ("data", "object", "customer_details", "phone"),
        "tracking": ("data", "object", "metadata"),
        "product": ("data", "object", "metadata", "product_name"),
    },
}
GATEWAYS = tuple(PLACES)
Make = Callable[[str], bytes]


@dataclass(frozen=True)
class Hostile:
    """`path` names the place for the quarantine; a place's word stands for each gateway's own path to it."""

    name: str
    make: Make
    word: str = "quarantined"
    path: str = "body"

    def __str__(self) -> str:
        return self.name

    def expected_path(self, gateway: str) -> str:
        place = PLACES[gateway].get(self.path)
        return ".".join(map(str, place)) if place else self.path


def sale(gateway: str) -> dict[str, Any]:
    """A sound sale with room for tracking."""
    if gateway == "stripe":
        return stripe_checkout("X1")
    return hotmart(order_id="X1", sck="organic")


def raw(body: bytes) -> Make:
    return lambda gateway: body


def put(place: str, value: Any) -> Make:
    """A sound sale with another value at one place."""
    return lambda gateway: json.dumps(with_value(sale(gateway), PLACES[gateway][place], value)).encode()


def put_text(place: str, text: str) -> Make:
    """The same with the value written as it is, so that it need not be JSON."""
    return lambda gateway: put(place, "@@here@@")(gateway).replace(b'"@@here@@"', text.encode())


def changed(change: Callable[[bytes], bytes]) -> Make:
    return lambda gateway: change(json.dumps(sale(gateway)).encode())


def with_items(gateway: str) -> bytes:
    return json.dumps(
        {**sale(gateway), "items": [{"id": number, "name": "x" * 50} for number in range(10_000)]}
    ).encode()


UNREADABLE = [
    Hostile("open brace", raw(b"{")),
    *(Hostile(f"json {text.decode()}", raw(text)) for text in (b"null", b"[]", b'"x"', b"0", b"true", b"[1]")),
    *(Hostile(f"amount {text}", put_text("amount", text)) for text in ("NaN", "Infinity", "-Infinity")),
    Hostile("amount 1e400", put_text("amount", "1e400"), path="amount"),
    Hostile("amount of 5,000 digits", put_text("amount", "9" * 5_000)),
    Hostile("a lone surrogate", put_text("product", r'"\ud800"')),
    Hostile("invalid UTF-8", changed(lambda body: body.replace(b"Moura", b"\xff\xc0\xaf"))),
    Hostile("UTF-16", changed(lambda body: body.decode().encode("utf-16"))),
    Hostile("a byte order mark", changed(lambda body: b"\xef\xbb\xbf" + body)),
    Hostile("depth 100,000", raw(b'{"a":' * 100_000)),
    Hostile("lists 100,000 deep", raw(b"[" * 100_000 + b"]" * 100_000)),
    Hostile("gzip", changed(gzip.compress)),
    Hostile("a gzip bomb", raw(gzip.compress(b"0" * 50_000_000))),
    Hostile("two bodies", changed(lambda body: body + body)),
    Hostile("half a body", changed(lambda body: body[: len(body) // 2])),
    Hostile("only NUL", raw(b"\x00" * 1_000)),
    Hostile("XML", raw(b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>')),
    *(
        Hostile(f"{place} {value!r:.30}", put(place, value), path=path)
        for place, path, values in (
            (
                "amount",
                "amount",
                ("1.234,56", "-0.01", "R$ 10", -1, 10**12, True, [], {}, None, "", [1], {"a": 1}, "１０"),
            ),
            ("currency", "currency", ("BRLL", "", None, 986, "R$", ["BRL"], "ｂｒｌ")),
            ("order", "order", ("\x00", "A\x00B", "x" * 201, {"id": 1}, ["A"], True, 1.5)),
            ("email", "email", (["a@example.com"], {"a": 1}, True, "x" * 1_001, "a\x00@example.com")),
            ("phone", "phone", ([11, 9], {"n": 1}, "9" * 1_001)),
        )
        for value in values
    ),
]
ACCEPTED = [
    Hostile("duplicate keys", changed(lambda body: b'{"id": 1, "id": 2, ' + body[1:]), "recorded"),
    Hostile("NUL in a key", changed(lambda body: b'{"\\u0000": 1, ' + body[1:]), "recorded"),
    Hostile("NUL in tracking", put("tracking", {"sck": "a\x00b", "a\x00b": "c", "src": "kept"}), "recorded"),
    Hostile("10,000 line items", with_items, "recorded"),
    Hostile("unknown members", changed(lambda body: b'{"__proto__": {"x": 1}, ' + body[1:]), "recorded"),
    Hostile("tracking of many values", put("tracking", {f"k{n}": "v" * 2_000 for n in range(300)}), "recorded"),
    Hostile("tracking that is markup", put("tracking", {"utm_source": "<script>alert(1)</script>{{7*7}}"}), "recorded"),
    Hostile("an unknown event", put("event", "SOMETHING_NEW"), "unknown"),
    Hostile("an event that is markup", put("event", "<b>'; DROP TABLE x; --"), "unknown"),
    Hostile("an event that is a number", put("event", 7), "unknown"),
    *(Hostile(f"amount {value!r}", put("amount", value), "recorded") for value in (0, "10", "0")),
    *(Hostile(f"currency {value}", put("currency", value), "recorded") for value in ("brl", "BRL", "Usd")),
    *(
        Hostile(f"email {value[:30]!r}", put("email", value), "recorded")
        for value in (
            *("a@example.com,b@example.com", "a@example.com\nBcc: b@example.com", "o'hara@example.com"),
            *("ação@exâmple.com", "x" * 300, "@", "😀", "", "<a@example.com>"),
        )
    ),
    *(
        Hostile(f"phone {value[:30]!r}", put("phone", value), "recorded")
        for value in ("+55 (11) 9 9999-9999", "abc", "9" * 40, "", "٩٩٩", "+", "0")
    ),
]
