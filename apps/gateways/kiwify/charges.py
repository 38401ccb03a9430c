"""Which charge of a subscription an approved order is: Kiwify may call a renewal an approved order, too (inferred)."""

from apps.gateways.errors import PayloadError
from apps.gateways.kiwify.tables import CHARGES, SUBSCRIPTION_SIGNS
from apps.gateways.payload import Payload
from apps.gateways.scalars import IDENTIFIER


def count_charges(payload: Payload) -> int:
    """How many orders of the subscription were paid so far, this one included; 0 where none are told."""
    return len({charge.identifier("order_id") for charge in payload.items(CHARGES) if charge.has("")})


def is_renewal(payload: Payload) -> bool:
    """Raises PayloadError for a subscription without a paid charge: this one's own must be there."""
    if not any(map(payload.has, SUBSCRIPTION_SIGNS)):
        return False
    paid = count_charges(payload)
    if not paid:
        raise PayloadError(f"{CHARGES}.0.order_id", IDENTIFIER.expected, "nothing")
    return paid > 1
