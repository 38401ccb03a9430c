"""Tracking domains without I/O: which host may be one, how it is proven, and what its site is.

The site of `track.loja.com.br` is `loja.com.br`: browsers give to the one the cookies that were set for the other.
"""

import re
from collections.abc import Iterable
from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import urlsplit

PROOF = "hubtrack-proof="
# The proof's own name must fit into the 253 characters that a name may have.
_PROOF_LABEL = "_hubtrack."
MAX_HOST = 253 - len(_PROOF_LABEL)
_NOT_OF_A_HOST = re.compile(r"[\s/:@?#\\]")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
# Under two letters of a country these hold the sites of many owners. Browsers know all such names and keep cookies
# apart; the usual ones are known here so that a customer is told beforehand.
_SHARED_WORDS = "ac adv app art blog co com dev eco edu emp gov ind inf log med mil net org tv wiki"
_SHARED = frozenset(_SHARED_WORDS.split())


class HostError(ValueError):
    """Why a text is no host for tracking, in one word: address, ip, name, long, site, own."""


class Proof(StrEnum):
    """What was found where the proof belongs."""

    RIGHT = "right"
    OTHER = "other"
    ABSENT = "absent"
    UNASKED = "unasked"


def read_host(text: str, own_hosts: Iterable[str]) -> str:
    """The host as browsers write it into `Host`: ASCII, lower case, no dot at its end. Raises HostError."""
    host = text.strip().rstrip(".")
    if _is_address(host):
        raise HostError("ip")
    if _NOT_OF_A_HOST.search(host):
        raise HostError("address")
    host = _to_ascii(host)
    if len(host) > MAX_HOST:
        raise HostError("long")
    labels = host.split(".")
    if not all(map(_LABEL.fullmatch, labels)):
        raise HostError("name")
    if labels[-1].isdecimal():
        raise HostError("ip")
    if any(is_within(host, own) for own in own_hosts):
        raise HostError("own")
    if not _is_below_a_site(labels):
        raise HostError("site")
    return host


def _is_address(text: str) -> bool:
    try:
        ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


def _to_ascii(host: str) -> str:
    if host.isascii():
        return host.lower()
    try:
        return host.encode("idna").decode().lower()
    except UnicodeError as error:
        raise HostError("name") from error


def _is_below_a_site(labels: list[str]) -> bool:
    site = labels[1:]
    is_shared = len(site) == 2 and len(site[1]) == 2 and site[0] in _SHARED
    return len(site) >= 2 and not is_shared


def is_within(host: str, end: str) -> bool:
    return host == end or host.endswith(f".{end}")


def site_of(host: str) -> str:
    return host.partition(".")[2]


def is_of_site(origin: str, host: str) -> bool:
    """Whether a page of this origin is on the tracking host's own site."""
    try:
        page = urlsplit(origin)
        return page.scheme in ("http", "https") and is_within(page.hostname or "", site_of(host))
    except ValueError:
        return False


def proof_name(host: str) -> str:
    return f"{_PROOF_LABEL}{host}"


def weigh_proof(texts: Iterable[str], token: str) -> Proof:
    """What the TXT records say; quotes that a customer copied along do no harm."""
    found = [text.strip().strip('"').strip() for text in texts]
    if f"{PROOF}{token}" in found:
        return Proof.RIGHT
    return Proof.OTHER if found else Proof.ABSENT


def list_records(host: str, token: str, hub: str) -> list[dict[str, str]]:
    """What the customer puts into the DNS of their domain; `hub` is the hub's own host."""
    return [
        {"type": "CNAME", "name": host, "value": hub},
        {"type": "TXT", "name": proof_name(host), "value": f"{PROOF}{token}"},
    ]
