"""Where Braip keeps the buyer. Sales and carts agree, but the dashboard's test names the city and state otherwise."""

from apps.core.identity import Person
from apps.gateways.payload import Payload

BRAZIL = "55 "


def read_buyer(payload: Payload) -> Person:
    country = payload.maybe_text("client_address_country")
    return Person(
        email=payload.maybe_text("client_email"),
        phone=_read_phone(payload),
        phone_country=country or "BR",
        full_name=payload.maybe_text("client_name"),
        city=payload.maybe_text("client_address_city", "client_city"),
        state=payload.maybe_text("client_address_state", "client_state"),
        postal_code=payload.maybe_text("client_zip_code"),
        country=country,
    )


def _read_phone(payload: Payload) -> str | None:
    """The number; a plus tells that what stands before the space is the country's code.

    Without it, "55 991234567" (no area code) would pass for a number of area code 55.
    """
    number = payload.maybe_text("client_cel")
    return f"+{number}" if number and number.startswith(BRAZIL) else number
