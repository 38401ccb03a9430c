"""Who bought, and which way they came: an order, its flat form, a customer's news and an app's message each differ."""

from urllib.parse import parse_qsl

from apps.core.identity import Person
from apps.gateways.appmax import tables
from apps.gateways.errors import PayloadError
from apps.gateways.payload import Payload
from apps.gateways.tracking import keep_tracking


def read_buyer(data: Payload) -> Person:
    """Appmax sells in Brazil: phones are national, and no body names a country."""
    return Person(
        email=data.maybe_text("customer.email", "customer_email", "customer_data.email", "email"),
        phone=data.maybe_text(
            *("customer.telephone", "customer.phone", "customer_telephone", "customer_phone"),
            *("customer_data.telephone", "telephone", "phone"),
        ),
        phone_country="BR",
        full_name=data.maybe_text("customer.fullname", "customer_fullname", "fullname"),
        first_name=data.maybe_text("customer.firstname", "customer_firstname", "customer_data.firstname", "firstname"),
        last_name=data.maybe_text("customer.lastname", "customer_lastname", "customer_data.lastname", "lastname"),
        city=data.maybe_text("customer.address_city", "customer_address_city", "customer_address.city", "address_city"),
        state=data.maybe_text(
            *("customer.uf", "customer.address_state", "customer_uf", "customer_address_state"),
            *("customer_address.state", "uf", "address_state"),
        ),
        postal_code=data.maybe_text("customer.postcode", "customer_postcode", "customer_address.postcode", "postcode"),
    )


def read_tracking(data: Payload) -> dict[str, str]:
    """Of several values for a name, the order's own visit counts first and the customer's first page last."""
    latest = data.strings("customer.last_visit")
    return keep_tracking(
        _first_page(data)
        | {name: latest[name] for name in tables.VISIT if name in latest}
        | _meta(data)
        | data.strings("visit")
    )


def _first_page(data: Payload) -> dict[str, str]:
    """The query of the page that the customer came to."""
    texts = data.strings("") | data.strings("customer")
    query = texts.get("visited_url", "").partition("#")[0].partition("?")[2]
    return Payload(dict(parse_qsl(query))).strings("")


def _meta(data: Payload) -> dict[str, str]:
    """What the seller's own shop added. How it looks when filled is not published: no sale waits for that."""
    try:
        return data.strings("meta")
    except PayloadError:
        return {}
