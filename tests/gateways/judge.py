"""What any outcome of an adapter must be, whatever it was given."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from apps.gateways.currencies import CURRENCIES
from apps.gateways.errors import PayloadError
from apps.gateways.events import ORDERLESS, SALES, GatewayEvent
from tests.gateways.samples import Place, Sample


def assert_survives(sample: Sample, place: Place, damaged: Any) -> None:
    """The damaged body gives sound events, or an error that names the damaged place or one inside it."""
    try:
        events = sample.adapter.parse(sample.request_with(damaged))
    except PayloadError as error:
        path = ".".join(map(str, place)).replace("[", ".").replace("]", "")
        assert [named for named in error.path.split(" or ") if named == path or named.startswith(f"{path}.")], error
        return
    for event in events:
        assert_sound(event)


def outcome(sample: Sample, document: Any) -> list[GatewayEvent] | str:
    try:
        return sample.adapter.parse(sample.request_with(document))
    except PayloadError as error:
        return str(error)


def assert_sound(event: GatewayEvent) -> None:
    """What GatewayEvent promises its readers."""
    assert bool(event.order_id) is (event.kind not in ORDERLESS)
    assert event.occurred_at is None or event.occurred_at.utcoffset() == timedelta(0)
    assert event.currency is None or event.currency in CURRENCIES
    for amount in (event.amount, event.refunded_amount, event.net_amount, event.gateway_fee, *commissions_of(event)):
        assert amount is None or (type(amount) is Decimal and 0 <= amount < 10**12)
    if event.kind in SALES and not event.is_test:
        assert event.amount is not None
        assert event.currency is not None
    assert all(item.quantity >= 0 and (item.price is None or item.price >= 0) for item in event.items)
    assert "" not in texts_of(event)
    assert not [text for text in texts_of(event) if "\0" in text]
    assert event.payment_method in (None, "pix", "boleto", "card", "other")


def commissions_of(event: GatewayEvent) -> list[Decimal | None]:
    return [event.producer_commission, event.affiliate_commission]


def texts_of(event: GatewayEvent) -> list[str]:
    owners: tuple[Any, ...] = (event, event.buyer)
    values = [getattr(owner, name) for owner in owners for name in owner.__slots__]
    return [value for value in [*values, *event.tracking.values()] if isinstance(value, str)]
