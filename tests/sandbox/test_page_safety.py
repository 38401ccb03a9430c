"""The page shows hostile text and never runs it, loads nothing from elsewhere, and can be used by ear and keys."""

import re

import pytest
from django.test import Client

from tests.sandbox.conftest import Post
from tests.sandbox.pages import read
from tests.sandbox.samples import make_event

pytestmark = pytest.mark.django_db


def test_hostile_text_is_shown_never_run(http: Client, send: Post) -> None:
    attack = "<script>alert(1)</script>"
    send(
        make_event(
            event_name=attack,
            event_id='"><img src=x onerror=alert(1)>',
            custom_data={"value": 1, "currency": "BRL", attack: attack},
        )
    )

    page = read(http, pixel_id="")

    assert attack not in page
    assert "<img" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 3
    assert "onerror=alert(1)&gt;" in page


@pytest.mark.parametrize("name", ["pixel_id", "event_id", "verdict"])
def test_a_hostile_filter_is_shown_never_run(http: Client, name: str) -> None:
    page = read(http, **{name: '"><script>alert(1)</script>'})

    assert "<script>alert" not in page


def test_the_page_may_load_nothing_from_elsewhere(http: Client) -> None:
    response = http.get("/")

    page = response.content.decode()
    assert "default-src 'none'; style-src 'self'; script-src 'self'" in response["Content-Security-Policy"]
    assert (response["X-Content-Type-Options"], "no-store" in response["Cache-Control"]) == ("nosniff", True)
    assert re.findall(r'<(?:script|link)[^>]+(?:src|href)="([^"]+)"', page)[1:] == [
        "/static/css/sandbox-received.css",
        "/static/js/sandbox-received.js",
    ]
    assert re.findall(r"<script(?![^>]*src=)|\son\w+=|\sstyle=", page) == []


def test_the_page_can_be_read_by_ear_and_by_keyboard(http: Client, send: Post) -> None:
    send(make_event())

    page = read(http)

    assert re.findall(r'<th scope="(\w+)"', page) == ["col"] * 4 + ["row"]
    assert "<caption>" in page
    assert page.count('role="status"') == 1
    assert page.index('class="skip"') < page.index("<header")
    assert "Payload and answer of Purchase" in page
    assert len(re.findall(r"<label>", page)) == len(re.findall(r"<(?:input name|select name)", page)) == 3
