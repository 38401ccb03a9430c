"""Redirect links without I/O: where one may lead, and the address a visitor is sent on to.

Everything works on the raw, percent-encoded parameters: what a visitor brings reaches the destination byte for byte,
since a click id that was decoded and encoded again is another one.
"""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import SplitResult, quote, unquote_plus, urlsplit

from apps.clicks.tracking import TEXT_LIMITS, UTM_FIELDS
from apps.core.ids import find_carried_ids
from apps.gateways.registry import get_adapter

LINK_KEY = r"l[0-9A-Va-v]{10}"
# Servers refuse longer request lines; what does not fit is left out, parameter by parameter.
MAX_ADDRESS = 8_000
MAX_DESTINATION = 2_000
# Host, or the end of one, of a checkout -> the gateway it belongs to.
CHECKOUT_HOSTS: Mapping[str, str] = {
    "hotmart.com": "hotmart",
    "kiwify.com.br": "kiwify",
    "kiwify.com": "kiwify",
    "kiwify.app": "kiwify",
    "stripe.com": "stripe",
    "perfectpay.com.br": "perfectpay",
    "appmax.com.br": "appmax",
    "braip.com": "braip",
    "braip.co": "braip",
    "eduzz.com": "eduzz",
}
_DEFAULT_FIELD = "sck"
# Stripe drops a client_reference_id that holds anything but letters, digits, dashes and underscores.
_JOINTS: Mapping[str, str] = {"client_reference_id": "_"}
_AD_CLICK_IDS = ("fbclid", "ttclid", "gclid")
# Of these the visitor's win over the link's own; of all others the link's win, which say what is sold.
_TRACKING_WORDS = "fbclid fbc fbp ttclid gclid gbraid wbraid msclkid src sck xcod trk s1 s2 s3 client_reference_id"
_TRACKING = frozenset(_TRACKING_WORDS.split())
_COOKIES = ("fbc", "fbp")
_RECORDED = frozenset((*_AD_CLICK_IDS, *_COOKIES, *UTM_FIELDS, "src", "sck", "xcod"))
_UNSAFE = re.compile(r"[^!$%&'()*+,\-./0-9:;=?@A-Z\[\]^_a-z{|}~]")
_FORBIDDEN = re.compile(r"[\s\x00-\x20\x7f\\<>\"`]")
_PIPE = "%7C"
# An id of ours with the pipe or underscore that joins it to what it was put before.
_OURS = re.compile(r"ht[cs][0-9a-v]{24}(?![0-9a-z])(?:%7C|\||_)?", re.IGNORECASE)


class DestinationError(ValueError):
    """Why a link may not lead there, in one word: address, scheme, user, host, long."""


def read_destination(text: str) -> str:
    """The address in ASCII, as it goes into a Location header; raises DestinationError."""
    if not text.isprintable() or _FORBIDDEN.search(text):
        raise DestinationError("address")
    parts = _split(text)
    if parts.scheme not in ("http", "https"):
        raise DestinationError("scheme")
    if "@" in parts.netloc:
        raise DestinationError("user")
    host = _ascii_host(parts)
    rest = parts._replace(netloc=host, path=parts.path or "/")
    address = quote(rest.geturl(), safe="!#$%&'()*+,-./:;=?@[]^_{|}~")
    if len(address) > MAX_DESTINATION:
        raise DestinationError("long")
    return address


def host_of(address: str) -> str:
    return urlsplit(address).hostname or ""


def may_lead_to(destination: str, landing_url: str, chosen_host: str) -> bool:
    """Whether the host is the landing page's, or below it, a known checkout's, or the one that was chosen by name."""
    host = host_of(destination)
    landing = host_of(landing_url).removeprefix("www.")
    return _is_within(host, landing) or gateway_of(destination) is not None or host == chosen_host.strip().casefold()


def gateway_of(destination: str) -> str | None:
    """The gateway whose checkout this is."""
    host = host_of(destination)
    return next((gateway for end, gateway in CHECKOUT_HOSTS.items() if _is_within(host, end)), None)


def carrying_fields(destination: str, gateways: Iterable[str]) -> tuple[str, ...]:
    """The parameters that carry a click id from there: the checkout's own, else those of the funnel's gateways."""
    checkout = gateway_of(destination)
    adapters = [get_adapter(slug) for slug in ([checkout] if checkout else gateways)]
    return tuple(dict.fromkeys(adapter.click_id_field for adapter in adapters if adapter)) or (_DEFAULT_FIELD,)


def merge_parameters(destination: str, query: str) -> str:
    """`destination` with the visitor's raw query string merged in; path, fragment and foreign parameters stay."""
    page, pairs, fragment = _cut(destination)
    own, seen, room = {_name(pair) for pair in pairs}, set(), MAX_ADDRESS - len(destination)
    for pair in filter(None, map(_encode_unsafe, query.split("&"))):
        name = _name(pair)
        cost = len(pair) + 1
        if cost > room or (name in seen if _is_tracking(name) else name in own):
            continue
        pairs = _replace(pairs, name, pair) if name in own else [*pairs, pair]
        seen.add(name)
        room -= cost
    return _join(page, pairs, fragment)


def carry_click_id(address: str, fields: Iterable[str], click_id: str) -> str:
    """`address` with the click id in each field: first, since gateways cut what is long, and in place of an older."""
    page, pairs, fragment = _cut(address)
    for name in fields:
        before = [pair.partition("=")[2] for pair in pairs if _name(pair) == name]
        kept = _OURS.sub("", before[0]) if before else ""
        pair = f"{name}={click_id}{_JOINTS.get(name, _PIPE) if kept else ''}{kept}"
        pairs = _replace(pairs, name, pair) if before else [*pairs, pair]
    return _join(page, pairs, fragment)


def read_arrival(query: str, cookies: Mapping[str, str]) -> dict[str, str]:
    """What parameters and the pixel's cookies tell of the click. What is too long to keep whole is left out, never cut.

    A `_fbc` that an older ad left is left out too: it would be believed before the fbclid of this one.
    """
    text = query.encode("latin-1", "replace").decode("utf-8", "replace")
    parameters = [tuple(map(unquote_plus, pair.partition("=")[::2])) for pair in text.split("&")]
    told: dict[str, str] = {}
    for name, value in [(name, cookies.get(f"_{name}", "")) for name in _COOKIES] + parameters:
        if name in _RECORDED and value and "\x00" not in value and len(value) <= TEXT_LIMITS[name]:
            told.setdefault(name, value)
    if told.get("fbclid", "") not in told.get("fbc", ""):
        told.pop("fbc", None)
    click_id, session_id = find_carried_ids([value for _, value in parameters])
    carried = {"click_id": click_id, "session_id": session_id}
    return told | {name: value for name, value in carried.items() if value}


def is_from_an_ad(told: Mapping[str, str]) -> bool:
    return any(name in told for name in _AD_CLICK_IDS)


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as error:
        raise DestinationError("address") from error
    return parts


def _ascii_host(parts: SplitResult) -> str:
    """Host and port as browsers resolve them: punycode, plain dots, lower case."""
    try:
        host = (parts.hostname or "").encode("idna").decode().rstrip(".")
    except UnicodeError as error:
        raise DestinationError("host") from error
    if not re.fullmatch(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9])?", host):
        raise DestinationError("host")
    return f"{host}:{parts.port}" if parts.port else host


def _is_within(host: str, end: str) -> bool:
    return bool(end) and (host == end or host.endswith(f".{end}"))


def _is_tracking(name: str) -> bool:
    return name in _TRACKING or name.startswith("utm_")


def _name(pair: str) -> str:
    return unquote_plus(pair.partition("=")[0])


def _encode_unsafe(pair: str) -> str:
    """What may not stand in an address as it is, percent-encoded; `pair` holds one character a byte (WSGI)."""
    return _UNSAFE.sub(lambda found: quote(found[0].encode("latin-1", "replace"), safe=""), pair)


def _replace(pairs: list[str], name: str, pair: str) -> list[str]:
    """`pair` where the first of its name was; the others of that name go."""
    place = next(place for place, old in enumerate(pairs) if _name(old) == name)
    return [*pairs[:place], pair, *(old for old in pairs[place + 1 :] if _name(old) != name)]


def _cut(address: str) -> tuple[str, list[str], str]:
    """Page, raw parameters, fragment with its sign."""
    before, sign, fragment = address.partition("#")
    page, _, query = before.partition("?")
    return page, [pair for pair in query.split("&") if pair], sign + fragment


def _join(page: str, pairs: list[str], fragment: str) -> str:
    return f"{page}{'?' if pairs else ''}{'&'.join(pairs)}{fragment}"
