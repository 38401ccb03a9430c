"""Invented facts about one order, by hand and by Hypothesis."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from apps.conversions.facts import OrderFact
from apps.conversions.transitions import STATUS_OF
from apps.gateways.events import Kind

# No deadline: the machine may be busy. Derandomised: a failure must be the author's, not the next visitor's.
steady = settings(deadline=None, derandomize=True, max_examples=200)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
CLICK = "htc0123456789abcdefghijklmn"
OTHER_CLICK = "htcvvvvvvvvvvvvvvvvvvvvvvvv"
SESSION = "hts0123456789abcdefghijklmn"
SHAPING = sorted(STATUS_OF)
SILENT = sorted(set(Kind) - set(STATUS_OF))


def fact(kind: Kind, hour: float = 0, amount: str | None = None, **members: Any) -> OrderFact:
    """`hour` counts from noon; `amount` and `refunded_amount` are decimal texts."""
    if "refunded_amount" in members:
        members["refunded_amount"] = Decimal(members["refunded_amount"])
    return OrderFact(
        kind=kind,
        occurred_at=NOON + timedelta(hours=hour),
        amount=None if amount is None else Decimal(amount),
        **members,
    )


_AMOUNTS = st.none() | st.sampled_from(["0", "10", "49.90", "50.000", "100", "197.905"]).map(Decimal)
_TEXTS = st.sampled_from(["", "a", "b"])
_HASHES = st.dictionaries(
    st.sampled_from(["em", "ph", "fn"]), st.lists(st.sampled_from(["1" * 64, "2" * 64]), min_size=1)
)
_TRACKING = st.dictionaries(
    st.sampled_from(["src", "sck", "xcod", "utm_source", "utm_content"]),
    st.sampled_from(["organic", CLICK, OTHER_CLICK.upper(), f"fb|{SESSION}"]),
)
_ITEMS = st.lists(
    st.fixed_dictionaries(
        {
            "product_id": _TEXTS,
            "name": _TEXTS,
            "quantity": st.integers(0, 3),
            "price": st.sampled_from([None, "0.000", "9.900"]),
        }
    ),
    max_size=2,
)


def facts_of(kinds: list[Kind]) -> st.SearchStrategy[OrderFact]:
    return st.builds(
        OrderFact,
        kind=st.sampled_from(kinds),
        occurred_at=st.integers(0, 4).map(lambda hour: NOON + timedelta(hours=hour)),
        amount=_AMOUNTS,
        refunded_amount=_AMOUNTS,
        currency=st.sampled_from(["", "BRL", "USD"]),
        identity=_HASHES,
        buyer_ip=st.sampled_from(["", "203.0.113.7", "2001:db8::7"]),
        buyer_device=st.sampled_from(["", "chrome android", "safari ios"]),
        tracking=_TRACKING,
        product_id=_TEXTS,
        product_name=_TEXTS,
        offer_id=_TEXTS,
        payment_method=st.sampled_from(["", "pix", "card"]),
        installments=st.none() | st.integers(0, 12),
        items=_ITEMS,
        net_amount=_AMOUNTS,
        gateway_fee=_AMOUNTS,
        producer_commission=_AMOUNTS,
        affiliate_commission=_AMOUNTS,
        parent_order_id=_TEXTS,
        subscription_id=_TEXTS,
        is_test=st.booleans(),
    )
