"""Stripe's API, as far as it tells whether a key works."""

from collections.abc import Mapping
from typing import ClassVar

from apps.gateways.api import ApiAnswer, Conversation, Credentials, Field, Finding, GatewayApi, finding_of, get

HOST = "https://api.stripe.com"


class StripeApi(GatewayApi):
    """An API key, whole or restricted. It is not the signing secret, which only a delivery can prove."""

    fields = (Field("secret_key", "Secret key"),)
    hosts: ClassVar[Mapping[str, str]] = {"api": HOST}

    def check(self, credentials: Credentials) -> Conversation[Finding]:
        answer = yield get(f"{HOST}/v1/account", Authorization=f"Bearer {credentials['secret_key'].strip()}")
        return finding_of(answer) if _is_stripes(answer) else Finding.UNEXPECTED


def _is_stripes(answer: ApiAnswer) -> bool:
    """Stripe answers with the account or with an error of its own; a page from between here and there has neither."""
    said = answer.json()
    return said.get("object") == "account" or isinstance(said.get("error"), dict)
