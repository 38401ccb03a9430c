"""What travelled through Eduzz's checkout, by the names that it has on the checkout's link."""

from urllib.parse import parse_qsl

from apps.gateways.eduzz.tables import TRACKER
from apps.gateways.payload import Payload
from apps.gateways.scalars import TRACKED_VALUE
from apps.gateways.tracking import keep_tracking


def read_tracking(data: Payload) -> dict[str, str]:
    utm = {f"utm_{name}": value for name, value in data.strings("utm").items()}
    tracker = {TRACKER[name]: value for name, value in data.strings("tracker").items() if name in TRACKER}
    return keep_tracking(_on_the_link(data) | tracker | utm)


def _on_the_link(data: Payload) -> dict[str, str]:
    """A cart keeps the link it was opened with. Names and tax numbers stand there too: only known entries are taken."""
    query = data.strings("").get("href", "").partition("?")[2]
    known = set(TRACKER.values())
    return {name: value for name, value in parse_qsl(query) if name in known and TRACKED_VALUE.convert(value)}
