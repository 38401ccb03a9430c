"""Eduzz's own API: whose account an access token opens."""

from collections.abc import Mapping
from typing import ClassVar

from apps.gateways.api import Conversation, Credentials, Field, Finding, GatewayApi, finding_of, get

HOST = "https://api.eduzz.com"


class EduzzApi(GatewayApi):
    """An access token. It is not the key that signs webhooks, which only a delivery can prove."""

    fields = (Field("access_token", "Access token"),)
    hosts: ClassVar[Mapping[str, str]] = {"api": HOST}

    def check(self, credentials: Credentials) -> Conversation[Finding]:
        """The call that Eduzz recommends for it. Another page with status 200, as one to log in, proves no token."""
        token = credentials["access_token"].strip()
        answer = yield get(f"{HOST}/accounts/v1/me", Authorization=f"Bearer {token}", Accept="application/json")
        finding = finding_of(answer)
        return Finding.UNEXPECTED if finding is Finding.VALID and not answer.json().get("id") else finding
