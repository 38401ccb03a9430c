"""Bodies of every length, and what happens while the database or Redis is in trouble."""

import io
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import redis
from django.conf import settings
from django.db import (
    DatabaseError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
    connection,
)
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from redis.backoff import NoBackoff
from redis.retry import Retry

from apps.conversions.models import Quarantine
from apps.conversions.services import record
from apps.core import metrics
from apps.core.errors import TooLarge
from apps.core.metrics import read_counters
from apps.funnels import selectors
from apps.gateways.request import WebhookRequest
from apps.pipeline import intake
from hubtrack.wsgi import application
from tests.pipeline.answers import assert_problem
from tests.pipeline.database import conversions, deliveries
from tests.worlds import SECRETS, Answer, World, hotmart, post_raw


@pytest.mark.usefixtures("unchanged")
def test_an_empty_body_is_refused(world: World) -> None:
    assert_problem(world.post_webhook(b""), 400, "unreadable_body")


def call(world: World, body: bytes, **environ: Any) -> Answer:
    """As a server would call, with exactly these CGI variables."""
    request = RequestFactory().generic("POST", f"/api/v1/webhooks/hotmart/{world.endpoint_key()}")
    del request.environ["wsgi.input"]
    given = {
        **request.environ,
        "wsgi.input": io.BytesIO(body),
        "HTTP_X_HOTMART_HOTTOK": SECRETS["hotmart"],
        "CONTENT_TYPE": "application/json",
        **environ,
    }
    started: list[Any] = []

    def start(status: str, headers: list[tuple[str, str]]) -> None:
        started.extend((status, dict(headers)))

    content = b"".join(application(given, start))  # type: ignore[arg-type]
    return Answer(int(started[0].split()[0]), started[1], content)


@pytest.mark.usefixtures("unchanged")
def test_a_body_cut_short_on_the_way_is_neither_read_nor_quarantined(world: World) -> None:
    body = json.dumps(hotmart()).encode()

    answer = call(world, body[:100], CONTENT_LENGTH=str(len(body)))

    assert_problem(answer, 400, "unreadable_body")


def test_bytes_after_the_declared_length_are_not_read(world: World) -> None:
    body = json.dumps(hotmart()).encode()

    answer = call(world, body + b"GET / HTTP/1.1\r\n\r\n", CONTENT_LENGTH=str(len(body)))

    assert answer.json() == {"status": "recorded"}


def test_a_chunked_body_is_read(world: World) -> None:
    answer = call(world, json.dumps(hotmart()).encode(), CONTENT_LENGTH="", HTTP_TRANSFER_ENCODING="chunked")

    assert answer.json() == {"status": "recorded"}


@pytest.mark.usefixtures("unchanged")
def test_a_body_without_any_length_is_empty(world: World) -> None:
    answer = call(world, json.dumps(hotmart()).encode(), CONTENT_LENGTH="")

    assert_problem(answer, 400, "unreadable_body")


@pytest.mark.parametrize(
    "environ", [{"CONTENT_LENGTH": "1048577"}, {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}]
)
@pytest.mark.usefixtures("unchanged")
def test_more_than_a_mebibyte_is_refused(world: World, environ: dict[str, str]) -> None:
    assert_problem(call(world, b" " * 1_048_577, **environ), 413, "too_large")


@pytest.mark.usefixtures("unchanged")
def test_the_door_itself_refuses_too_much(world: World) -> None:
    """Also behind a server that forgets to."""
    request = WebhookRequest(b" " * (settings.MAX_BODY_BYTES + 1), {"x-hotmart-hottok": SECRETS["hotmart"]})

    with pytest.raises(TooLarge):
        intake.receive("hotmart", world.endpoint_key(), request)


def test_a_whole_mebibyte_is_accepted(world: World) -> None:
    body = json.dumps(hotmart(order_id="BIG")).encode()

    answer = world.post_webhook(body + b" " * (1_048_576 - len(body)))

    assert answer.json() == {"status": "recorded"}


@pytest.mark.parametrize(
    "query", ["", "?x=1", "?" + "&".join(f"a{n}={n}" for n in range(300)), "?%ff=%00&&=&=", "?a[]=1"]
)
def test_a_query_does_no_harm(world: World, query: str) -> None:
    world.address = f"/api/v1/webhooks/hotmart/{world.endpoint_key()}{query}"

    assert world.post_webhook(hotmart()).json() == {"status": "recorded"}


def test_200_headers_do_no_harm(world: World) -> None:
    answer = world.post_webhook(hotmart(), **{f"x-{number}": "y" * 300 for number in range(200)})

    assert answer.json() == {"status": "recorded"}


Fail = Callable[..., Any]


def failing(error: Exception) -> Fail:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    return fail


DATABASE_TROUBLE = [
    OperationalError("server closed the connection"),
    InterfaceError("connection already closed"),
    InternalError("cannot execute INSERT in a read-only transaction"),
    IntegrityError("insert or update violates foreign key constraint"),
    ProgrammingError("column does not exist"),
    DatabaseError("?"),
]


@pytest.mark.parametrize("trouble", DATABASE_TROUBLE, ids=lambda error: type(error).__name__)
@pytest.mark.usefixtures("unchanged")
def test_what_cannot_be_stored_is_asked_for_again(
    world: World, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    monkeypatch.setattr(record, "_encode", failing(trouble))

    answer = world.post_webhook(hotmart())

    assert_problem(answer, 503, "try_again")
    assert answer.headers["Retry-After"] == "5"


@pytest.mark.usefixtures("unchanged")
def test_so_is_what_cannot_be_quarantined(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Quarantine.objects, "create", failing(OperationalError()))

    assert_problem(world.post_webhook(b"{"), 503, "try_again")


@pytest.mark.usefixtures("unchanged")
def test_so_is_what_comes_while_endpoints_cannot_be_looked_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.address = f"/api/v1/webhooks/hotmart/{world.endpoint_key()}"
    monkeypatch.setattr(intake, "find_endpoint", failing(OperationalError()))

    assert_problem(world.post_webhook(hotmart()), 503, "try_again")


def test_after_trouble_the_next_webhook_is_stored(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(record, "_encode", failing(OperationalError()))
        refused = world.post_webhook(hotmart())

    stored = world.post_webhook(hotmart())

    assert (refused.status_code, stored.status_code) == (503, 202)
    assert len(deliveries()) == 1


@pytest.fixture
def without_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = redis.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0))
    monkeypatch.setattr(metrics, "get_redis", lambda: gone)


@pytest.mark.usefixtures("without_redis")
def test_webhooks_need_no_redis(world: World) -> None:
    with pytest.raises(redis.RedisError):
        read_counters()

    answers = [
        world.post_webhook(hotmart(order_id="A1")),
        world.post_webhook(hotmart("SOMETHING_NEW")),
        world.post_webhook(b"{"),
        world.post_webhook(hotmart(order_id="A2"), **{"x-hotmart-hottok": "wrong"}),
    ]

    assert [answer.status_code for answer in answers] == [202, 202, 202, 401]
    assert [row.order_id for row in conversions()] == ["A1"]
    assert len(deliveries()) == 3


@pytest.fixture
def _remembered_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Endpoints, so that the end of their two seconds cannot fall into a test."""
    monkeypatch.setattr(selectors._endpoints, "_seconds", 1e9)


def statements_of(post: Callable[[], Answer]) -> int:
    with CaptureQueriesContext(connection) as captured:
        post()
    return len([query for query in captured.captured_queries if "SAVEPOINT" not in query["sql"]])


@pytest.mark.usefixtures("_remembered_for_ever")
def test_a_webhook_is_one_statement_and_a_first_one_two(world: World) -> None:
    world.address = f"/api/v1/webhooks/hotmart/{world.endpoint_key()}"

    posts = [partial(world.post_webhook, hotmart(order_id=order_id)) for order_id in ("A1", "A2", "A3")]

    counts = [statements_of(post) for post in posts]

    assert counts == [2, 1, 1]


@pytest.mark.usefixtures("_remembered_for_ever")
def test_a_refusal_is_no_statement_once_the_endpoint_is_known(world: World) -> None:
    path = f"/api/v1/webhooks/hotmart/{world.endpoint_key()}"

    counts = [statements_of(lambda: post_raw(path, b"{}", {"x-hotmart-hottok": "wrong"})) for _ in range(2)]

    assert counts == [1, 0]


@pytest.mark.usefixtures("_remembered_for_ever")
def test_an_unknown_address_is_one_statement(world: World) -> None:
    counts = [statements_of(lambda: post_raw("/api/v1/webhooks/hotmart/unknown", b"{}", {})) for _ in range(2)]

    assert counts == [1, 1], "an endpoint that was made a moment ago must be found"


@pytest.mark.django_db(transaction=True)
def test_every_other_path_is_djangos() -> None:
    answer = post_raw("/healthz", b"", {}, "GET")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert post_raw("/api/v1/webhooks", b"", {}).status_code == 404
