"""PerfectPay's API, as far as it tells whether a token works."""

from collections.abc import Mapping
from typing import ClassVar

from apps.gateways.api import Conversation, Credentials, Field, Finding, GatewayApi, finding_of, post_json

HOST = "https://app.perfectpay.com.br"
# A day before PerfectPay was: the answer is empty, so a check fetches nobody's data.
NO_SALES = {"start_date_sale": "2000-01-01", "end_date_sale": "2000-01-01", "page": 1}


class PerfectPayApi(GatewayApi):
    """One token for the whole account. It is not the webhook's, which only a delivery can prove."""

    fields = (Field("api_token", "API token"),)
    hosts: ClassVar[Mapping[str, str]] = {"api": HOST}

    def check(self, credentials: Credentials) -> Conversation[Finding]:
        answer = yield post_json(
            f"{HOST}/api/v1/sales/get",
            NO_SALES,
            Authorization=f"Bearer {credentials['api_token']}",
            Accept="application/json",  # else a wrong token is answered with the login page
        )
        finding = finding_of(answer)
        return Finding.UNEXPECTED if finding is Finding.VALID and "sales" not in answer.json() else finding
