"""Where Eduzz keeps the buyer: invoices in `buyer`, carts and subscriptions in `customer`. CPF and CNPJ stay unread."""

from apps.core.identity import Person
from apps.core.identity.places import normalise_country
from apps.gateways.payload import Payload

PHONE = "customer.phone"


def read_buyer(data: Payload) -> Person:
    """The country is written as a code or as a name (told by integrators), but a phone's must be a code."""
    country = data.maybe_text("buyer.address.country")
    return Person(
        email=data.maybe_text("buyer.email", "customer.email"),
        phone=_read_phone(data),
        phone_country=normalise_country(country or "") or "BR",
        full_name=data.maybe_text("buyer.name", "customer.name"),
        city=data.maybe_text("buyer.address.city"),
        state=data.maybe_text("buyer.address.state"),
        postal_code=data.maybe_text("buyer.address.zipCode"),
        country=country,
    )


def _read_phone(data: Payload) -> str | None:
    """A subscription's number comes in three parts, all others in one."""
    places = [f"{PHONE}.{part}" for part in ("countryCode", "areaCode", "number")]
    if not any(map(data.has, places)):
        return data.maybe_text("buyer.cellphone", "buyer.phone", "buyer.phone2", PHONE)
    *codes, number = map(data.maybe_identifier, places)
    return "+" + "".join(code for code in codes if code) + number if number else None
