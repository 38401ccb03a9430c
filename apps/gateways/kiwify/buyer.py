"""Where Kiwify keeps the buyer: an order in `Customer`, a cart at its root. CPF and CNPJ are not even read."""

from apps.core.identity import Person
from apps.gateways.payload import Payload


def read_buyer(payload: Payload) -> Person:
    """An order's phone has its country code, a cart's has not."""
    country = payload.maybe_text("Customer.country", "country")
    return Person(
        email=payload.maybe_text("Customer.email", "email"),
        phone=payload.maybe_text("Customer.mobile", "phone"),
        phone_country=country or "BR",
        full_name=payload.maybe_text("Customer.full_name", "name"),
        first_name=payload.maybe_text("Customer.first_name"),
        city=payload.maybe_text("Customer.city"),
        state=payload.maybe_text("Customer.state"),
        postal_code=payload.maybe_text("Customer.zipcode"),
        country=country,
    )
