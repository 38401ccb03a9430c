"""The sandbox as its own process sees it: its addresses at the root, no session, no CSRF."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from hubtrack import sandbox_settings
from tests.sandbox.samples import BEARER, PATH, Json

Post = Callable[..., HttpResponse]


@pytest.fixture(autouse=True)
def _sandbox_process(settings: Any, tmp_path: Path) -> None:
    settings.ROOT_URLCONF = sandbox_settings.ROOT_URLCONF
    settings.MIDDLEWARE = sandbox_settings.MIDDLEWARE
    settings.STATIC_ROOT = str(tmp_path)


@pytest.fixture
def http() -> Client:
    """A client that reports our own faults as the 500 that a sender would see."""
    return Client(raise_request_exception=False)


@pytest.fixture
def send(http: Client) -> Post:
    """Post events as a JSON call: `send(event, event, path=..., headers=..., test_event_code=...)`."""

    def post(*events: Json, path: str = PATH, headers: dict[str, str] = BEARER, **members: Any) -> Any:
        body = {"data": list(events), **members}
        return http.post(path, body, content_type="application/json", headers=headers)

    return post
