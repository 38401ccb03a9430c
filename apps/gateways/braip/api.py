"""Braip's own API: the list of sales, under a token of its own. The key of the webhooks opens nothing there."""

from collections.abc import Mapping
from typing import ClassVar

from apps.gateways.api import Conversation, Credentials, Field, Finding, GatewayApi, finding_of, get

HOST = "https://ev.braip.com"
# One second of the past: the answer proves the token as well as any, and is as good as empty of buyers.
NO_SALES = f"{HOST}/api/vendas?page=1&date_min=2021-01-01%2003:00:00&date_max=2021-01-01%2003:00:01"


class BraipApi(GatewayApi):
    """Sales, a page at a time. Anything else with status 200, as a page to log in, proves no token."""

    fields = (Field("api_token", "Token da API"),)
    hosts: ClassVar[Mapping[str, str]] = {"api": HOST}

    def check(self, credentials: Credentials) -> Conversation[Finding]:
        answer = yield get(NO_SALES, Authorization=f"Bearer {credentials['api_token']}", Accept="application/json")
        finding = finding_of(answer)
        is_page = isinstance(answer.json().get("data"), list)
        return Finding.UNEXPECTED if finding is Finding.VALID and not is_page else finding
