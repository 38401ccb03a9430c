"""The words and errors that the rest of the hub stores and counts."""

import pickle
import subprocess
import sys

import pytest

from apps.core.identity import Person
from apps.gateways.errors import PayloadError, SignatureError
from apps.gateways.events import ORDERLESS, SALES, GatewayEvent, Kind


def test_the_stored_values_of_the_kinds_do_not_change() -> None:
    assert [kind.value for kind in Kind] == [
        "abandoned_checkout",
        "payment_pending",
        "purchase_approved",
        "subscription_renewed",
        "trial_started",
        "payment_refused",
        "purchase_expired",
        "purchase_canceled",
        "partially_refunded",
        "refunded",
        "dispute_opened",
        "dispute_won",
        "chargeback",
        "purchase_completed",
        "subscription_canceled",
        "subscription_past_due",
        "ignored",
        "unknown",
    ]


def test_only_money_that_came_in_is_a_sale() -> None:
    assert {kind.name for kind in SALES} == {"APPROVED", "RENEWED"}
    assert {kind.name for kind in ORDERLESS} == {"SUBSCRIPTION_CANCELLED", "IGNORED", "UNKNOWN"}


def test_an_event_cannot_be_changed_and_hides_the_buyer() -> None:
    ana = Person(email="ana@example.com")
    event = GatewayEvent(Kind.APPROVED, "paid", buyer=ana, buyer_ip="203.0.113.9", buyer_agent="Mozilla/5.0")

    with pytest.raises(AttributeError):
        event.kind = Kind.REFUNDED  # type: ignore[misc]

    assert "ana@example.com" not in repr(event)
    assert "203.0.113.9" not in repr(event)
    assert "Mozilla" not in repr(event)
    assert "buyer" not in repr(event)
    assert "paid" in repr(event)


def test_events_do_not_share_their_tracking() -> None:
    assert GatewayEvent(Kind.UNKNOWN, "a").tracking is not GatewayEvent(Kind.UNKNOWN, "a").tracking


def test_errors_survive_the_way_between_processes() -> None:
    payload_error = pickle.loads(pickle.dumps(PayloadError("data.id", "an id", "nothing")))
    signature_error = pickle.loads(pickle.dumps(SignatureError("stale")))

    assert (payload_error.path, payload_error.expected, payload_error.found) == (
        "data.id",
        "an id",
        "nothing",
    )
    assert str(payload_error) == "data.id: expected an id, found nothing"
    assert signature_error.reason == "stale"


def test_the_adapters_are_pure() -> None:
    program = (
        "import sys, apps.gateways.registry\n"
        "print([name for name in ('django', 'redis', 'celery', 'socket', 'requests') if name in sys.modules])"
    )

    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert result.stdout.strip() == "[]"
