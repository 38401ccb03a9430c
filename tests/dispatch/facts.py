"""Invented facts to build events of: a matched sale, a page view, and anything at all that could be known."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import strategies as st

from apps.core.identity import Person, hash_person
from apps.dispatch.facts import BrowserFacts, EventFacts

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
AGENT = "Mozilla/5.0 (Linux; Android 15) Chrome/142.0"
PERSON = Person(
    email="Ana@Example.com",
    phone="(11) 98765-4321",
    full_name="Ana Souza",
    city="São Paulo",
    state="SP",
    postal_code="01310-100",
    country="BR",
    birth_date=datetime(1990, 5, 17, tzinfo=UTC).date(),
    gender="f",
    external_id="cliente-7",
)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


CLICK = BrowserFacts(
    ip="203.0.113.7",
    user_agent=AGENT,
    fbc="fb.1.1795350000000.IwAR2-Ana",
    fbp="fb.2.1795350000000.1098115397",
    fbclid="IwAR2-Ana",
    ttclid="E.C.P.ana",
    page_url="https://curso.example.com/?utm_source=ig",
    clicked_at=datetime(2026, 11, 22, 13, 30, 0, 123_999, tzinfo=UTC),
    identity={},
)
SALE = EventFacts(
    event_id="e" * 64,
    event_name="Purchase",
    event_time=datetime(2026, 11, 22, 14, 0, 30, 900_000, tzinfo=UTC),
    value=Decimal("149.900"),
    currency="BRL",
    order_id="HP0000000001",
    product_ids=["4711"],
    product_name="Curso de pão",
    identity={"em": [digest("ana@example.com")], "ph": [digest("5511987654321")]},
    fallback_url="https://curso.example.com/",
    referrer="https://instagram.example.com/",
)
KNOWN_BUYER = replace(SALE, event_id="k" * 64, identity=hash_person(PERSON))
PAGE = replace(
    KNOWN_BUYER, event_id="view-1", event_name="ViewContent", value=None, currency=None, order_id=None, num_items=2
)

_TEXTS = st.none() | st.text(max_size=20)
_KEYS = ("em", "ph", "ph_e164", "ph_other", "fn", "ln", "ge", "db", "ct", "st", "zp", "country", "external_id")
_DIGESTS = st.dictionaries(
    st.sampled_from(_KEYS), st.lists(st.text("0123456789abcdef", min_size=64, max_size=64), max_size=3)
)
_MOMENTS = st.datetimes(datetime(2026, 11, 15, 15, 0, 1), datetime(2026, 11, 30), timezones=st.just(UTC))
ANY_BROWSER = st.none() | st.builds(
    BrowserFacts,
    ip=_TEXTS,
    user_agent=_TEXTS,
    fbc=_TEXTS,
    fbp=_TEXTS,
    fbclid=_TEXTS,
    ttclid=_TEXTS,
    page_url=_TEXTS,
    clicked_at=_MOMENTS,
    identity=_DIGESTS,
)
ANY_FACTS = st.builds(
    EventFacts,
    event_id=st.text(min_size=1, max_size=100),
    event_name=st.text(min_size=1, max_size=40),
    event_time=_MOMENTS,
    value=st.none() | st.decimals(0, 10**14, places=3),
    currency=_TEXTS,
    order_id=_TEXTS,
    product_ids=st.lists(st.text(max_size=10), max_size=3),
    product_name=_TEXTS,
    quantity=st.integers(1, 9),
    content_type=st.text(min_size=1, max_size=10),
    num_items=st.none() | st.integers(1, 9),
    identity=_DIGESTS,
    fallback_url=st.text(max_size=20),
    referrer=_TEXTS,
)
