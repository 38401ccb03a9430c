"""Where Stripe keeps the buyer and how they paid: a session, an invoice and a charge each differ."""

from apps.core.identity import Person
from apps.gateways.payload import Payload
from apps.gateways.stripe.tables import PAYMENT_METHODS


def read_buyer(thing: Payload) -> Person:
    address = thing.at("customer_details.address", "customer_address", "billing_details.address")
    country = address.maybe_text("country")
    return Person(
        # A session's own `customer_email` is only what the form was filled with beforehand.
        email=thing.maybe_text("customer_details.email", "customer_email", "billing_details.email", "receipt_email"),
        phone=thing.maybe_text("customer_details.phone", "customer_phone", "billing_details.phone"),
        phone_country=country or "BR",
        full_name=thing.maybe_text("customer_details.name", "customer_name", "billing_details.name"),
        city=address.maybe_text("city"),
        state=address.maybe_text("state"),
        postal_code=address.maybe_text("postal_code"),
        country=country,
    )


def read_method(thing: Payload) -> str | None:
    """A charge names its method. A session lists what it offered, which tells when that was just one."""
    method = thing.maybe_text("payment_method_details.type")
    if method is None:
        offered = [entry.text("") for entry in thing.items("payment_method_types")]
        method = offered[0] if len(offered) == 1 else None
    return PAYMENT_METHODS.get(method, "other") if method else None
