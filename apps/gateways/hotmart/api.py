"""Hotmart's API: three credentials buy an access token, which opens the sales."""

from collections.abc import Mapping
from typing import ClassVar

from apps.gateways.api import Conversation, Credentials, Field, Finding, GatewayApi, finding_of, get, post_form

AUTH_HOST = "https://api-sec-vlc.hotmart.com"
API_HOST = "https://developers.hotmart.com"

# Whoever was given a token is known, so a refusal after it is about what they may do.
_AFTER_THE_TOKEN = {Finding.WRONG: Finding.FORBIDDEN}


class HotmartApi(GatewayApi):
    """The credentials of Hotmart's developer tool. They are not the Hottok, which only a delivery can prove."""

    fields = (
        Field("client_id", "Client ID", is_secret=False),
        Field("client_secret", "Client Secret"),
        Field("basic", "Basic"),
    )
    hosts: ClassVar[Mapping[str, str]] = {"auth": AUTH_HOST, "api": API_HOST}

    def check(self, credentials: Credentials) -> Conversation[Finding]:
        answer = yield post_form(
            f"{AUTH_HOST}/security/oauth/token",
            # Documented as a query, and read from a form as well: addresses end in logs, bodies do not.
            {
                "grant_type": "client_credentials",
                **{name: credentials[name] for name in ("client_id", "client_secret")},
            },
            Authorization=_as_basic(credentials["basic"]),
        )
        finding = finding_of(answer)
        if finding is not Finding.VALID:
            return finding
        token = answer.json().get("access_token")
        if not isinstance(token, str) or not (token.strip() and token.isascii() and token.isprintable()):
            return Finding.UNEXPECTED
        answer = yield get(f"{API_HOST}/payments/api/v1/sales/history?max_results=1", Authorization=f"Bearer {token}")
        finding = finding_of(answer)
        # An address that the API does not know is answered with its documentation, and 200 (seen in real answers).
        if finding is Finding.VALID and "items" not in answer.json():
            return Finding.UNEXPECTED
        return _AFTER_THE_TOKEN.get(finding, finding)


def _as_basic(credential: str) -> str:
    """Hotmart shows it with and without the word in front."""
    return f"Basic {credential.strip().removeprefix('Basic').strip()}"
