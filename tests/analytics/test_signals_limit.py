"""A read that takes too long ends in a sentence, and leaves nothing behind."""

from dataclasses import replace
from typing import Any

import pytest
from django.db import connection, transaction

from apps.analytics import selectors
from tests.analytics.views import FBCLID, begin_checkout, read_signals, totals, visit
from tests.worlds import World

SLOW = "SELECT true, count(*) FROM (SELECT pg_sleep({seconds})) AS slow"


def _timeout() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        shown: str = cursor.fetchone()[0]
    return shown


def _ask_slowly(monkeypatch: pytest.MonkeyPatch, *seconds: float) -> None:
    """These take so long each, in place of the first questions."""
    first, *_rest = selectors._QUESTIONS
    slow = [replace(first, statement=SLOW.format(seconds=time), signals=(), causes=()) for time in seconds]
    monkeypatch.setattr(selectors, "_QUESTIONS", (*slow, *selectors._QUESTIONS[1:]))


def _read(world: World, **query: str) -> Any:
    path = f"/api/v1/funnels/{world.funnel.pk}/signals"
    return world.client.get(path, query, headers={**world.auth, "Accept-Language": "en"})


@pytest.mark.django_db(transaction=True)
def test_a_slow_read_is_given_up_with_advice(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before = _timeout()
    _ask_slowly(monkeypatch, 60)
    monkeypatch.setattr(selectors, "MAX_SECONDS", 0.2)

    answer = _read(world, days="30")

    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "application/problem+json")
    assert answer.json()["code"] == "too_much_to_count"
    assert answer.json()["detail"] == "Ask for fewer days. Nothing is wrong with the funnel."
    assert "Retry-After" not in answer.headers
    assert (before, _timeout()) == ("15s", "15s")


@pytest.mark.django_db(transaction=True)
def test_the_limit_is_for_all_statements_together(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    _ask_slowly(monkeypatch, 0.5, 0.5, 0.5, 0.5)
    monkeypatch.setattr(selectors, "MAX_SECONDS", 1.2)

    assert _read(world).status_code == 503


@pytest.mark.django_db(transaction=True)
def test_a_read_in_time_leaves_no_limit_behind(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selectors, "MAX_SECONDS", 9.0)
    begin_checkout(world, visit(world, fbclid=FBCLID)["session_id"])

    assert totals(read_signals(world)) == [(1, 0), (1, 0), (0, 0)]
    assert _timeout() == "15s"


@pytest.mark.django_db(transaction=True)
def test_the_limit_of_a_callers_transaction_is_not_touched(world: World) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        _read(world)


@pytest.mark.django_db(transaction=True)
def test_another_failure_of_the_database_is_not_called_slow(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    kill = "SELECT true, count(*) FROM (SELECT pg_terminate_backend(pg_backend_pid())) AS gone"
    first, *rest = selectors._QUESTIONS
    monkeypatch.setattr(selectors, "_QUESTIONS", (replace(first, statement=kill), *rest))

    answer = _read(world)

    assert (answer.status_code, answer.json()["code"], answer.headers["Retry-After"]) == (503, "try_again", "5")


def test_ten_seconds_are_the_limit() -> None:
    assert selectors.MAX_SECONDS == 10.0
