"""A funnel as the REST API takes it, and what of it may never come back."""

from typing import Any

SECRET, TOKEN = "hottok-never-echoed", "EAAB-never-echoed"
# For Hotmart's own API, of an invented account.
CREDENTIALS = {"client_id": "ana-client-0001", "client_secret": "ana-Secret-0002", "basic": "YW5hOmJhc2ljLTAwMDM="}
FUNNEL: dict[str, Any] = {
    "name": "Curso de Confeitaria",
    "landing_url": "https://cursosdaana.example.com/oferta",
    "attribution_window_days": 14,
    "unknown_consent": "block",
    "endpoints": [{"gateway": "hotmart", "secret": SECRET}],
    "destinations": [
        {
            "platform": "meta",
            "pixel_id": "1234567890",
            "access_token": TOKEN,
            "test_event_code": "TEST1",
            "api_version": "v26.0",
            "base_url": "https://graph.example.com",
        }
    ],
}
WRITABLE = ("name", "landing_url", "attribution_window_days", "unknown_consent")


def with_endpoint(**members: Any) -> dict[str, Any]:
    return {"name": "x", "endpoints": [{"gateway": "hotmart", "secret": "s", **members}]}


def with_destination(**members: Any) -> dict[str, Any]:
    return {"name": "x", "destinations": [{"platform": "meta", "pixel_id": "1", "access_token": "t", **members}]}
