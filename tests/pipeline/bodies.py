"""Bodies of Stripe's in the documented shapes, about invented people; Hotmart's are in tests.worlds."""

import time
from typing import Any


def stripe_checkout(order_id: str = "pi_0001", *, event: str = "completed", **changes: Any) -> dict[str, Any]:
    """A checkout session; `changes` go into the session."""
    now = int(time.time())
    session = {
        "id": f"cs_{order_id}",
        "object": "checkout.session",
        "payment_intent": order_id,
        "payment_status": "paid",
        "mode": "payment",
        "amount_total": 19790,
        "currency": "brl",
        "customer_details": {
            "email": "beatriz@example.com",
            "phone": "+5511987654321",
            "name": "Beatriz Moura",
            "address": {"city": "Campinas", "state": "SP", "country": "BR", "postal_code": "13010-111"},
        },
        "metadata": {},
        **changes,
    }
    return {
        "id": f"evt_{order_id}_{event}",
        "object": "event",
        "api_version": "2026-10-28",
        "created": now,
        "livemode": True,
        "type": f"checkout.session.{event}",
        "data": {"object": session},
    }
