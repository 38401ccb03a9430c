"""Where Hotmart keeps the buyer: a cart, an order, a cancelled subscription and version 1.0.0 each differ."""

from apps.core.identity import Person
from apps.gateways.payload import Payload

# A Brazilian number with its area code has ten or eleven digits; no national number is longer without one.
COMPLETE_NUMBER = 10


def read_buyer(payload: Payload) -> Person:
    country = payload.maybe_text(
        "data.buyer.address.country_iso", "data.purchase.checkout_country.iso", "data.checkout_country.iso"
    )
    return Person(
        email=payload.maybe_text("data.buyer.email", "data.subscriber.email", "email"),
        phone=_read_phone(payload),
        phone_country=country or "BR",
        full_name=payload.maybe_text("data.buyer.name", "data.subscriber.name", "name"),
        first_name=payload.maybe_text("data.buyer.first_name", "first_name"),
        last_name=payload.maybe_text("data.buyer.last_name", "last_name"),
        city=payload.maybe_text("data.buyer.address.city", "address_city"),
        state=payload.maybe_text("data.buyer.address.state", "address_state"),
        postal_code=payload.maybe_text("data.buyer.address.zipcode", "address_zip_code"),
        country=country or payload.maybe_text("data.buyer.address.country", "address_country"),
    )


def _read_phone(payload: Payload) -> str | None:
    """The number, with the separate code in front unless it holds it already.

    In Brazil the code is the area code and some bodies repeat it in the number; abroad it is absent, or is
    the country's and the number may hold that. Length tells: the first digits cannot, 55 being a country code
    and an area code.
    """
    code = payload.maybe_text("data.buyer.checkout_phone_code", "phone_checkout_local_code", "phone_local_code")
    number = payload.maybe_text(
        "data.buyer.checkout_phone", "data.buyer.phone", "phone_checkout_number", "phone_number"
    )
    if number is None or code is None or sum(map(str.isdigit, number)) >= COMPLETE_NUMBER:
        return number
    return code + number
