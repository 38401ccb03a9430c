"""Kiwify's public API: a short-lived access token is bought with the API key, then names an account in a header."""

from collections.abc import Mapping
from typing import ClassVar

from apps.gateways.api import (
    Conversation,
    Credentials,
    Field,
    Finding,
    GatewayApi,
    finding_of,
    get,
    post_form,
)

HOST = "https://public-api.kiwify.com"


class KiwifyApi(GatewayApi):
    """The API key proves itself at the token, the account id only at a call that needs both."""

    fields = (
        Field("client_id", "client_id", is_secret=False),
        Field("client_secret", "client_secret"),
        Field("account_id", "account_id", is_secret=False),
    )
    hosts: ClassVar[Mapping[str, str]] = {"api": HOST}

    def check(self, credentials: Credentials) -> Conversation[Finding]:
        key = {name: credentials[name] for name in ("client_id", "client_secret")}
        answer = yield post_form(f"{HOST}/v1/oauth/token", key)
        finding = finding_of(answer)
        if finding is not Finding.VALID:
            return finding
        token = answer.json().get("access_token")
        if not isinstance(token, str) or not (token.strip() and token.isascii() and token.isprintable()):
            return Finding.UNEXPECTED
        headers = {"authorization": f"Bearer {token}", "x_kiwify_account_id": credentials["account_id"]}
        return finding_of((yield get(f"{HOST}/v1/account-details", **headers)))
