"""What visitors said of ads, told by a customer's server: it counts from when it was said, not from when it came."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.clicks.models import Click, ConsentRecord, Session
from apps.tenants.scoping import unscoped
from tests.clicks.batches import Server, make_server
from tests.worlds import World


@pytest.fixture
def server(world: World) -> Server:
    return make_server(world)


def the(model: Any) -> Any:
    with unscoped():
        return model.objects.get()


def said() -> list[tuple[bool, datetime]]:
    with unscoped():
        return list(ConsentRecord.objects.order_by("given_at").values_list("consent_ads", "given_at"))


def test_a_late_yes_does_not_undo_a_no_of_the_meantime(server: Server) -> None:
    server.one(server.event("e1", session_id="visit-42", consent_ads=False))
    hour_ago = timezone.now() - timedelta(hours=1)

    server.one(server.event("e2", session_id="visit-42", consent_ads=True, event_time=hour_ago.isoformat()))

    assert the(Session).consent_ads is False
    assert [answer for answer, _ in said()] == [True, False]
    assert said()[0][1] == hour_ago


def test_words_count_in_the_order_in_which_they_were_said(server: Server) -> None:
    moments = [
        datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=minutes) for minutes in (50, 40, 30, 20, 10)
    ]
    answers = [True, True, False, False, True]
    events = [
        server.event(f"e{number}", session_id="visit-42", consent_ads=answer, event_time=moment.isoformat())
        for number, (answer, moment) in enumerate(zip(answers, moments, strict=True))
    ]

    server.send(*reversed(events))

    assert said() == [(True, moments[0]), (False, moments[2]), (True, moments[4])]
    assert (the(Session).consent_ads, the(Session).consent_at) == (True, moments[4])


def test_of_words_of_one_moment_the_no_counts(server: Server) -> None:
    at = (timezone.now() - timedelta(minutes=5)).isoformat()

    server.send(
        server.event("e1", session_id="visit-42", consent_ads=False, event_time=at),
        server.event("e2", session_id="visit-42", consent_ads=True, event_time=at),
    )

    assert the(Session).consent_ads is False
    assert [answer for answer, _ in said()] == [False]


def test_a_late_clicks_word_is_kept_on_it(server: Server) -> None:
    at = timezone.now() - timedelta(hours=1)

    server.one(server.event(event_name="click", consent_ads=False, event_time=at.isoformat()))

    assert the(Click).consent_ads is False
    assert the(Click).clicked_at == at
    assert said() == [(False, at)]
