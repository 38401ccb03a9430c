"""What the tracking endpoints refuse: each by name, each with CORS headers, none with a trace in the database."""

from typing import Any

import pytest
from django.db import InterfaceError, OperationalError

from apps.clicks import services
from tests.clicks.hits import PATHS, least, send, stored
from tests.worlds import World


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete"])
def test_hits_are_posted(world: World, path: str, method: str) -> None:
    answer = getattr(world.client, method)(f"/api/v1/track/{path}", headers={"Sec-Purpose": "prefetch"})

    assert answer.status_code == 405
    assert answer["Allow"] == "POST, OPTIONS"
    assert answer["Content-Type"] == "application/problem+json"
    assert stored() == (0, 0, 0)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("public_key", ["pk_unknown", "x", 7, "' OR 1=1 --"])
def test_an_unknown_funnel_is_not_found(world: World, path: str, public_key: Any) -> None:
    answer = send(world, path, least(world, public_key=public_key))

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert stored() == (0, 0, 0)


UNREADABLE = [
    *(b"", b"{", b"\x00", b"<b>", b'{"url": NaN}', b'{"url": 1e400}', b"\xef\xbb\xbf{}", b"[" * 15_000),
    *(
        b'{"url": "\xff\xfe"}',
        b'{"\xff": 1}',
        b'"\\ud800"',
        b'{"url": "\\udfff"}',
        b"1" * 5_000,
        "ação".encode("utf-16"),
    ),
]


@pytest.mark.parametrize("body", UNREADABLE, ids=lambda body: repr(body[:12]))
def test_what_is_not_json_is_refused(world: World, body: bytes) -> None:
    answer = send(world, body=body)

    assert (answer.status_code, answer.json()["code"]) == (400, "unreadable_body")
    assert stored() == (0, 0, 0)


@pytest.mark.parametrize("body", ["[]", "null", '"x"', "0", "true", "{}", '{"public_key": [], "url": {}}'])
def test_json_of_another_shape_is_refused(world: World, body: str) -> None:
    answer = send(world, body=body)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert answer.json()["errors"]
    assert stored() == (0, 0, 0)


@pytest.mark.parametrize("path", PATHS)
def test_what_is_refused_is_named_in_words(world: World, path: str) -> None:
    answer = send(world, path, least(world, fbclid="x" * 2049, url="javascript:1", consent_ads="yes", utm_term=["a"]))

    errors = answer.json()["errors"]
    assert answer.status_code == 422
    assert sorted(errors) == ["consent_ads", "fbclid", "url", "utm_term"]
    assert "2048" in errors["fbclid"]
    assert stored() == (0, 0, 0)


def test_a_hit_of_more_than_16_kib_is_refused(world: World) -> None:
    answer = send(world, body=least(world, x="y" * 16_384))

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert stored() == (0, 0, 0)


@pytest.mark.parametrize("trouble", [OperationalError("gone"), InterfaceError("closed")])
def test_what_cannot_be_stored_is_said_so(world: World, monkeypatch: pytest.MonkeyPatch, trouble: Exception) -> None:
    def fail(*_: Any) -> None:
        raise trouble

    monkeypatch.setattr(services, "_write", fail)

    answer = send(world, body=least(world))

    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "try_again", "5")
    assert answer["Access-Control-Allow-Origin"] == "*"
