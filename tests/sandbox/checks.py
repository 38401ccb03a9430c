"""What several tests of the Graph API assert."""

from typing import Any

from apps.sandbox.models import FirstReceipt, ReceivedEvent
from tests.sandbox.samples import Json


def assert_refused(response: Any, status: int, code: int, subcode: int | None = None) -> Json:
    error: Json = response.json()["error"]
    assert (response.status_code, error["code"], error.get("error_subcode")) == (status, code, subcode)
    assert (error["type"], error["is_transient"]) == ("OAuthException", False)
    assert response["Content-Type"] == "application/json"
    return error


def assert_nothing_accepted() -> None:
    assert not ReceivedEvent.objects.exists()
    assert not FirstReceipt.objects.exists()
