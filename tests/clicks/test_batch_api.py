"""`POST /api/v1/events/batch` as a customer's server meets it: what is answered, and what the database then holds."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.clicks.models import Click, ConsentRecord, PageEvent, Session
from apps.core.identity import hash_email
from apps.tenants.scoping import unscoped
from tests.clicks.batches import ANA, BIA, Server, make_server
from tests.clicks.hits import least, send, stored
from tests.worlds import LANDING, World

PHONE = "Mozilla/5.0 (Linux; Android 15) Chrome/140 Mobile"


@pytest.fixture
def server(world: World) -> Server:
    return make_server(world)


def the(model: Any, **where: Any) -> Any:
    with unscoped():
        return model.objects.get(**where)


def test_a_page_event_is_stored_as_it_was_told(server: Server) -> None:
    at = timezone.now().replace(microsecond=0) - timedelta(hours=2)

    result = server.one(
        server.event(
            event_name="AddToCart",
            event_time=at.isoformat(),
            session_id="visit-42",
            ip="200.160.2.3",
            user_agent=PHONE,
            fbp="fb.1.1795345200000.42",
            user={"em": ANA, "external_id": [BIA]},
            data={"value": 10.5, "currency": "BRL"},
        )
    )

    event, session = the(PageEvent), the(Session)
    assert result == {"event_id": "e1", "status": "recorded", "session_id": session.public_id}
    assert (event.name, event.url, event.event_id, event.occurred_at) == ("add_to_cart", LANDING, "e1", at)
    assert (event.data, event.is_buffered, event.tenant_id) == (
        {"value": "10.5", "currency": "BRL"},
        True,
        server.world.tenant_id,
    )
    assert (session.ip, session.user_agent, session.fbp) == ("200.160.2.3", PHONE, "fb.1.1795345200000.42")
    assert (session.email_sha256, session.identity) == (ANA, {"em": [ANA], "external_id": [BIA]})
    assert session.funnel_id == server.world.funnel.pk


def test_a_click_gets_an_id_to_carry_on(server: Server) -> None:
    result = server.one(server.event(event_name="click", fbclid="IwAR0_Opaque", utm_source="fb", consent_ads=True))

    click = the(Click)
    assert result["click_id"] == click.public_id
    assert (click.fbclid, click.utm, click.source, click.consent_ads) == (
        "IwAR0_Opaque",
        {"utm_source": "fb"},
        "api",
        True,
    )
    assert (click.is_automated, click.clock_skew_ms, click.link_id) == (False, None, None)
    assert the(ConsentRecord).source == "click"


def test_an_identify_names_the_visitor_and_does_nothing_else(server: Server) -> None:
    server.one(server.event("e1", session_id="visit-42"))

    result = server.one({**server.event("e2", "identify", session_id="visit-42", user={"em": ANA}), "url": None})

    assert result == {"event_id": "e2", "status": "recorded", "session_id": the(Session).public_id}
    assert the(Session).identity == {"em": [ANA]}
    assert stored() == (1, 0, 1)


def test_without_a_time_it_is_now(server: Server) -> None:
    server.one(server.event())

    assert abs(the(PageEvent).occurred_at - timezone.now()) < timedelta(minutes=1)


def test_every_event_has_an_answer_in_the_order_given(server: Server) -> None:
    told = server.send(
        server.event("e3", "view_content", session_id="z"),
        server.event("e1", "Purchase"),
        server.event("e2", "click", session_id="a"),
        "not an event",
        server.event("e3", "view_content", session_id="z"),
        server.event("e4", user={"em": "ana@example.com"}),
    )

    assert [(result["event_id"], result["status"]) for result in told["results"]] == [
        ("e3", "recorded"),
        ("e1", "refused"),
        ("e2", "recorded"),
        (None, "refused"),
        ("e3", "duplicate"),
        ("e4", "refused"),
    ]
    assert (told["recorded"], told["duplicates"], told["refused"]) == (2, 1, 3)
    assert [*told["results"][1]["errors"]] == ["event_name"]
    assert "orders" in told["results"][1]["errors"]["event_name"]
    assert [*told["results"][5]["errors"]] == ["user.em"]
    assert "ana@example.com" not in json.dumps(told)
    assert stored() == (2, 1, 1)


def test_an_empty_batch_is_answered(server: Server) -> None:
    assert server.send() == {"results": [], "recorded": 0, "duplicates": 0, "refused": 0}


def test_a_thousand_events_are_taken_and_one_more_is_refused_by_name(server: Server) -> None:
    events = [server.event(f"e{number}", session_id=f"visit-{number % 100}") for number in range(1000)]

    told = server.send(*events)
    refused = server.post(json.dumps({"events": [*events, server.event("one-more")]}).encode())

    assert (told["recorded"], len(told["results"])) == (1000, 1000)
    assert (refused.status_code, [*refused.json()["errors"]]) == (400, ["events"])
    assert "1001" in refused.json()["detail"]
    assert stored() == (100, 0, 1000)


@pytest.mark.parametrize("event_name", ["click", "pageview"])
def test_another_accounts_funnel_is_as_unknown_as_none(server: Server, other_world: World, event_name: str) -> None:
    theirs, unknown = other_world.funnel.public_key, "pk_unknown"

    first, second = server.send(
        server.event("e1", event_name, public_key=theirs), server.event("e1", event_name, public_key=unknown)
    )["results"]

    assert first == second
    assert (first["status"], [*first["errors"]]) == ("refused", ["public_key"])
    assert stored() == (0, 0, 0)


def test_a_refused_event_does_not_stand_in_the_way_of_its_correction(server: Server) -> None:
    told = server.send(server.event(public_key="pk_unknown"), server.event())

    assert [result["status"] for result in told["results"]] == ["refused", "recorded"]


def test_clear_data_is_hashed_at_the_edge_where_the_key_allows_it(
    server: Server, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    clear = make_server(server.world, may_send_clear=True)

    result = clear.one(
        clear.event(session_id="visit-42", email="Ana@Example.com", user={"fn": "Anabela", "ph": "11 98765-4321"})
    )

    session = the(Session)
    assert result["status"] == "recorded"
    assert session.email_sha256 == ANA == hash_email("ana@example.com")
    assert sorted(session.identity) == ["em", "fn", "ph", "ph_e164"]
    written = f"{session.identity} {caplog.text} {''.join(capfd.readouterr())} {result}".casefold()
    assert not any(text in written for text in ("example.com", "anabela", "98765"))


def test_an_identity_given_later_reaches_what_waits_in_the_session(server: Server) -> None:
    server.send(server.event("e1", session_id="visit-42"), server.event("e2", "add_to_cart", session_id="visit-42"))
    server.send(server.event("e3", "identify", session_id="visit-42", user={"em": ANA}))

    with unscoped():
        waiting = PageEvent.objects.filter(is_buffered=True).select_related("session")
        assert [(event.event_id, event.session.identity) for event in waiting.order_by("event_id")] == [
            ("e1", {"em": [ANA]}),
            ("e2", {"em": [ANA]}),
        ]


def test_a_click_leads_to_its_session(server: Server) -> None:
    ids = server.world.click(fbclid="IwAR0_Opaque")

    result = server.one(server.event(click_id=ids["click_id"]))

    assert result["session_id"] == ids["session_id"]
    assert the(Session).click_ref == ids["click_id"]
    assert stored() == (1, 1, 1)


def test_a_pages_session_is_shared(server: Server) -> None:
    session_id = "hts" + "0" * 24
    send(server.world, "pageview", least(server.world, session_id=session_id, event_id="browser-1"))

    results = server.send(
        server.event("server-1", session_id=session_id), server.event("browser-1", session_id=session_id)
    )["results"]

    assert [(result["status"], result["session_id"]) for result in results] == [
        ("recorded", session_id),
        ("duplicate", session_id),
    ]
    assert stored() == (1, 0, 2)


def test_a_session_that_a_server_named_itself_is_found_again_by_either_id(server: Server) -> None:
    first = server.one(server.event("e1", session_id="visit-42"))["session_id"]

    results = server.send(server.event("e2", session_id="visit-42"), server.event("e3", session_id=first))["results"]

    assert {result["session_id"] for result in results} == {first}
    assert first != "visit-42"
    assert stored() == (1, 0, 3)


def test_two_accounts_may_use_the_same_words(server: Server, other_world: World) -> None:
    theirs = make_server(other_world)

    mine = server.one(server.event("e1", session_id="visit-42"))
    other = theirs.one(theirs.event("e1", session_id="visit-42"))
    borrowed = theirs.send(*[theirs.event(f"e{n}", session_id=mine["session_id"]) for n in (2, 3)])["results"]

    assert (mine["status"], other["status"]) == ("recorded", "recorded")
    assert len({mine["session_id"], other["session_id"], *[result["session_id"] for result in borrowed]}) == 3
    with unscoped():
        assert Session.objects.get(public_id=mine["session_id"]).tenant_id == server.world.tenant_id
        assert PageEvent.objects.filter(session__public_id=mine["session_id"]).count() == 1


def test_another_accounts_click_leads_nowhere(server: Server, other_world: World) -> None:
    ids = other_world.click()

    result = server.one(server.event(click_id=ids["click_id"]))

    assert result["session_id"] != ids["session_id"]
    assert stored() == (2, 1, 1)
