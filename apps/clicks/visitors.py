"""Who sends a public request, as far as it can be believed, and how often they may."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest

from apps.core.client_ip import client_ip
from apps.core.rate_limit import Limit, take

# One funnel's or link's traffic. A campaign that is shown to a whole country stays below it.
PER_KEY = Limit("key", rate=2_000, burst=20_000)
# Mobile carriers put hundreds of visitors behind one address, each of whom sends a few hits a page.
PER_ADDRESS = Limit("ip", rate=20, burst=300)
# A subscriber's IPv6 addresses share their first 64 bits.
_IPV6_PREFIX = 64


def visitor_ip(request: HttpRequest) -> str | None:
    return client_ip(
        request.META.get("REMOTE_ADDR", ""),
        request.META.get("HTTP_X_FORWARDED_FOR", ""),
        settings.TRUSTED_PROXY_COUNT,
    )


def user_agent_of(request: HttpRequest) -> str:
    return printable(request.META.get("HTTP_USER_AGENT", ""))


def printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())


def seconds_to_wait(key: str, ip: str | None) -> int:
    """0 when one more request may be made for `key` from `ip`, which it then counts as."""
    origin = _origin(ip)
    return take([(PER_KEY, key), *([(PER_ADDRESS, origin)] if origin else [])])


def _origin(ip: str | None) -> str:
    """What stands for one visitor. An address that is not public is a proxy's or a test's: nobody's."""
    if ip is None or not (address := ipaddress.ip_address(ip)).is_global:
        return ""
    if address.version == 4:
        return ip
    return str(ipaddress.ip_network((address, _IPV6_PREFIX), strict=False))
