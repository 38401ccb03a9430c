"""Ask a gateway's own API: whether credentials work, and what it says of an order.

The conversations are the gateways' (apps/gateways/api.py); this is where they meet the network.
"""

from dataclasses import dataclass
from typing import TypeVar

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.core.errors import NotFound
from apps.core.http import OutboundClient, OutboundError
from apps.gateways.api import ApiAnswer, ApiRequest, Conversation, Credentials, Finding, GatewayApi
from apps.gateways.registry import get_adapter

T = TypeVar("T")
MAX_REQUESTS = 5

_SENTENCES = {
    Finding.VALID: gettext_lazy("%(gateway)s knows these credentials. Nothing else is needed here."),
    Finding.WRONG: gettext_lazy(
        "%(gateway)s does not know these credentials. Copy them again from its pages, each into its own field."
    ),
    Finding.FORBIDDEN: gettext_lazy(
        "%(gateway)s knows these credentials, but they may not read sales. Give them that permission there."
    ),
    Finding.LIMITED: gettext_lazy("%(gateway)s asks to wait: too many requests. Check again in a few minutes."),
    Finding.UNEXPECTED: gettext_lazy(
        "%(gateway)s gave an answer that says neither yes nor no. Check again later; sales are not affected."
    ),
    Finding.UNREACHABLE: gettext_lazy(
        "%(gateway)s could not be reached. Check again in a few minutes; sales are not affected."
    ),
}


@dataclass(frozen=True, slots=True)
class CredentialCheck:
    """A finding, and the sentence that says it in the reader's language."""

    finding: Finding
    sentence: str

    @property
    def is_valid(self) -> bool:
        return self.finding is Finding.VALID


def check_credentials(gateway: str, credentials: Credentials) -> CredentialCheck:
    """Try `credentials` with the gateway's smallest authenticated call. Raises NotFound where there is none."""
    adapter = get_adapter(gateway)
    if adapter is None or adapter.api is None:
        raise NotFound(_("This gateway has no credentials to check: its webhook secret is proved by a first delivery."))
    missing = [item.label for item in adapter.api.fields if not credentials.get(item.name, "").strip()]
    if missing:
        return CredentialCheck(Finding.WRONG, _("Fill in: %(fields)s.") % {"fields": ", ".join(missing)})
    if not all(text.isascii() and text.isprintable() for text in credentials.values()):
        return _describe(Finding.WRONG, adapter.label)
    finding = converse(gateway, adapter.api, adapter.api.check(credentials)) or Finding.UNREACHABLE
    return _describe(finding, adapter.label)


def _describe(finding: Finding, gateway: str) -> CredentialCheck:
    return CredentialCheck(finding, str(_SENTENCES[finding]) % {"gateway": gateway})


def converse(gateway: str, api: GatewayApi, conversation: Conversation[T]) -> T | None:
    """Make the requests of `conversation` and answer what it found; None when an answer did not come, or no end."""
    client = OutboundClient(
        allow_loopback=settings.OUTBOUND_ALLOW_LOOPBACK, connect_timeout=3.0, read_timeout=8.0, max_body=1024 * 1024
    )
    try:
        request = next(conversation)
        for _turn in range(MAX_REQUESTS):
            request = conversation.send(_exchange(client, _redirected(gateway, api, request)))
    except StopIteration as end:
        found: T = end.value
        return found
    except OutboundError:
        return None
    finally:
        conversation.close()
        client.close()
    return None


def _redirected(gateway: str, api: GatewayApi, request: ApiRequest) -> ApiRequest:
    """The same request to the address that the settings name for this gateway, if they name one."""
    elsewhere = settings.GATEWAY_API_URLS.get(gateway)
    host = next((host for host in api.hosts.values() if request.url.startswith(host)), "")
    if not elsewhere or not host:
        return request
    return ApiRequest(
        request.method, elsewhere.rstrip("/") + request.url.removeprefix(host), request.headers, request.body
    )


def _exchange(client: OutboundClient, request: ApiRequest) -> ApiAnswer:
    answer = client.request(request.method, request.url, request.headers, request.body or None)
    return ApiAnswer(answer.status, answer.body)
