"""A sale, a click and a good event of TikTok's, and strategies for any that the hub can come to know."""

import copy
import hashlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from apps.dispatch.facts import BrowserFacts, EventFacts

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
AGENT = "Mozilla/5.0 (Linux; Android 15) Chrome/142.0"
TTCLID = "E.C.P." + "aB3-_" * 40
GONE = object()


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


EMAIL = digest("ana@example.com")
PHONE_OF_META = digest("5511987654321")
PHONE = digest("+5511987654321")
CLICK = BrowserFacts(
    ip="203.0.113.7",
    user_agent=AGENT,
    fbc="fb.1.1795350000000.IwAR2",
    fbp="fb.2.1795350000000.1098115397",
    fbclid="IwAR2",
    ttclid=TTCLID,
    page_url="https://curso.example.com/?utm_source=tiktok",
    clicked_at=NOW - timedelta(minutes=90),
    identity={},
)
SALE = EventFacts(
    event_id="e" * 64,
    event_name="Purchase",
    event_time=datetime(2026, 11, 22, 14, 0, 30, 900_000, tzinfo=UTC),
    value=Decimal("149.90"),
    currency="BRL",
    order_id="HP0000000001",
    product_ids=["4711"],
    product_name="Curso de pão",
    identity={"em": [EMAIL], "ph": [PHONE_OF_META], "ph_e164": [PHONE], "ph_other": ["0" * 64], "fn": ["1" * 64]},
    fallback_url="https://curso.example.com/",
    referrer="https://tiktok.example.com/",
)
GOOD: dict[str, Any] = {
    "event": "Purchase",
    "event_time": int(NOW.timestamp()) - 60,
    "event_id": "e" * 64,
    "user": {"email": [EMAIL], "phone": [PHONE], "ttclid": TTCLID, "ip": "203.0.113.7", "user_agent": AGENT},
    "properties": {
        "value": 149.9,
        "currency": "BRL",
        "order_id": "HP1",
        "contents": [{"content_id": "4711", "quantity": 1, "price": 149.9}],
        "content_type": "product",
    },
    "page": {"url": "https://curso.example.com/", "referrer": "https://tiktok.example.com/"},
}


def changed(path: str, value: object) -> dict[str, Any]:
    """A good event with one thing made different, or taken away by GONE."""
    event = copy.deepcopy(GOOD)
    *sections, key = path.split(".")
    holder = event
    for section in sections:
        holder = holder[section]
    if value is GONE:
        holder.pop(key, None)
    else:
        holder[key] = value
    return event


# What a database can hold.
texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40)
names = texts.filter(bool)
maybe_texts = st.none() | texts
addresses = st.none() | texts | st.ip_addresses().map(str)
urls = st.sampled_from(["https://curso.example.com/", "HTTP://Curso.Example.com/?a=1"]) | texts.map("https://{}".format)
digests = st.sampled_from([EMAIL, PHONE, PHONE_OF_META])
identities = st.dictionaries(
    st.sampled_from(["em", "ph", "ph_e164", "ph_other", "external_id", "ct"]), st.lists(digests, max_size=3)
)
moments = st.datetimes(datetime(2026, 11, 16), datetime(2026, 11, 30), timezones=st.just(UTC))
browsers = st.builds(
    BrowserFacts,
    ip=addresses,
    user_agent=maybe_texts,
    fbc=maybe_texts,
    fbp=maybe_texts,
    fbclid=maybe_texts,
    ttclid=maybe_texts | st.sampled_from([TTCLID, EMAIL]),
    page_url=st.none() | urls,
    clicked_at=moments,
    identity=identities,
)
facts = st.builds(
    EventFacts,
    event_id=names,
    event_name=names | st.sampled_from(["Purchase", "Lead", "PageView"]),
    event_time=moments,
    value=st.none() | st.decimals(0, 10**9, places=2),
    currency=st.none() | st.sampled_from(["BRL", "usd", ""]),
    order_id=maybe_texts,
    product_ids=st.lists(texts, max_size=3),
    product_name=maybe_texts,
    quantity=st.integers(0, 5),
    content_type=st.sampled_from(["product", "product_group"]),
    num_items=st.none() | st.integers(0, 5),
    identity=identities,
    fallback_url=urls,
    referrer=maybe_texts,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts | digests,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
likely_values = st.sampled_from(
    [*("BRL", "", "203.0.113.7", "https://curso.example.com/", TTCLID, EMAIL), 0, 9.9, 1_795_356_030, {}, [], [EMAIL]]
)
PATHS = (
    *("event", "event_time", "event_id", "user", "properties", "page"),
    *(f"user.{key}" for key in ("email", "phone", "external_id", "ttclid", "ttp", "ip", "user_agent", "locale")),
    *(f"properties.{key}" for key in ("value", "currency", "order_id", "content_type", "num_items", "contents")),
    *(f"page.{key}" for key in ("url", "referrer")),
)
spoilt_events = st.builds(changed, st.sampled_from(PATHS), likely_values | json_values | st.just(GONE))
