"""Where PerfectPay keeps the buyer. Short bodies have hardly more than a name, an e-mail and a phone."""

from apps.core.identity import Person
from apps.core.identity.countries import find_alpha2
from apps.gateways.payload import Payload


def read_buyer(customer: Payload) -> Person:
    country = customer.maybe_text("country")
    return Person(
        email=customer.maybe_text("email"),
        phone=_read_phone(customer),
        # Seen as "BR", documented as free text.
        phone_country=(find_alpha2(country or "") or "BR").upper(),
        full_name=customer.maybe_text("full_name"),
        city=customer.maybe_text("city"),
        state=customer.maybe_text("state"),
        postal_code=customer.maybe_text("zip_code"),
        country=country,
    )


def _read_phone(customer: Payload) -> str | None:
    """The number with its country code, as "+55(43) 98888-1234" or without the plus; else its parts; else without one.

    The parts get a plus, for a country code is not told from an area code by its digits: 55 is both.
    """
    whole = customer.maybe_identifier("phone_formated_ddi")
    if whole:
        return whole
    parts = [customer.maybe_identifier(f"phone_{part}") for part in ("extension", "area_code", "number")]
    if all(parts):
        return "+" + "".join(part.lstrip("+") for part in parts if part)
    return customer.maybe_identifier("phone_formated")
