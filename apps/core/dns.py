"""Questions to the domain name system. Trouble on the way there is `Unasked`, never an answer.

`DNS_SERVERS` names who is asked, as "address" or "address:port" ("[address]:port" for IPv6); empty asks whom the system
asks. An answer that does not come in two seconds is not waited for.
"""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from dns.exception import DNSException
from dns.nameserver import Do53Nameserver
from dns.rdatatype import RdataType
from dns.resolver import NXDOMAIN, NoAnswer, Resolver

_ANSWER_S = 1.0
_LIFETIME_S = 2.0
_PORT = 53


class Unasked(Exception):
    """Nobody could be asked, or nobody answered."""


def read_texts(name: str) -> tuple[str, ...]:
    """The TXT records of `name`, each whole; none when there is no such name. Raises Unasked."""
    return tuple(b"".join(record.strings).decode("utf-8", "replace") for record in _ask(name, RdataType.TXT))


def has_address(name: str) -> bool:
    """Whether `name` leads to any address, by whatever aliases. Raises Unasked."""
    return any(_ask(name, kind) for kind in (RdataType.A, RdataType.AAAA))


def _ask(name: str, kind: RdataType) -> tuple[Any, ...]:
    try:
        return tuple(_resolver().resolve(f"{name}.", kind))
    except (NXDOMAIN, NoAnswer):
        return ()
    except (DNSException, OSError) as error:
        raise Unasked from error


def _resolver() -> Resolver:
    resolver = Resolver(configure=not settings.DNS_SERVERS)
    if settings.DNS_SERVERS:
        resolver.nameservers = [_read_server(server) for server in settings.DNS_SERVERS]
    resolver.timeout, resolver.lifetime = _ANSWER_S, _LIFETIME_S
    return resolver


def _read_server(text: str) -> Do53Nameserver:
    parts = urlsplit(f"//{text}")
    return Do53Nameserver(parts.hostname or text, parts.port or _PORT)
