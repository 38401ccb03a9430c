"""What support may do: send again, read again, revoke, publish; each audited, each with its own answer."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db.models import Model
from django.utils import timezone

from apps.conversions.models import Delivery, Quarantine
from apps.core.admin.actions import MAX_ROWS
from apps.dispatch.models import CapiEvent, Send
from apps.funnels.models import Funnel, FunnelVersion
from apps.pipeline.stages import replay_quarantine_batch
from apps.tenants.models import ApiKey
from apps.tenants.scoping import tenant_scope, unscoped
from apps.tenants.services import create_api_key, find_api_key
from tests.admin.console import Console, messages_of, new_staff
from tests.platforms import ACCEPT, ScriptedPlatform, graph_error
from tests.worlds import World, hotmart


def _all(model: type[Model]) -> list[Any]:
    with unscoped():
        return list(model._default_manager.order_by("pk"))


def _audit(console: Console) -> list[tuple[str, str]]:
    """(row, what was done) of all that this user did, oldest first."""
    entries = LogEntry.objects.filter(user=console.user).order_by("pk")
    return [(entry.object_repr, entry.get_change_message()) for entry in entries]


def _dead_event(world: World) -> CapiEvent:
    world.post_webhook(hotmart())
    world.match()
    with unscoped():
        Send.objects.update(status="dead")
    event: CapiEvent = _all(CapiEvent)[0]
    return event


def _kept_delivery(world: World) -> Quarantine:
    world.post_webhook({"version": "2.0.0", "event": "PURCHASE_APPROVED"})
    kept: Quarantine = _all(Quarantine)[0]
    return kept


@pytest.fixture
def refused(world: World, platform: ScriptedPlatform) -> CapiEvent:
    """An event that the platform refused for good; from now on it accepts."""
    platform.answers = [graph_error(100, 2804019), ACCEPT]
    world.post_webhook(hotmart(order_id="HP1"))
    world.run_stages()
    event: CapiEvent = _all(CapiEvent)[0]
    assert _all(Send)[0].status == "dead"
    return event


def test_a_dead_event_is_sent_again_under_the_same_id(
    console: Console, world: World, platform: ScriptedPlatform, refused: CapiEvent
) -> None:
    answer = console.act("replay", refused)

    assert messages_of(answer) == ["Due again now: 1"]
    assert _all(Send)[0].status == "pending"
    assert _audit(console) == [(str(refused), "Due again now")]
    world.run_stages()
    assert _all(Send)[0].status == "accepted"
    assert platform.event_ids == [refused.event_id, refused.event_id]


def test_an_accepted_event_is_left_alone(console: Console, world: World, platform: ScriptedPlatform) -> None:
    world.post_webhook(hotmart())
    world.run_stages()

    answer = console.act("replay", _all(CapiEvent)[0])

    assert len(messages_of(answer)) == 1
    assert "Nothing of this event can be sent again" in messages_of(answer)[0]
    assert _all(Send)[0].status == "accepted"
    assert _audit(console) == []


def test_each_row_has_its_own_answer(
    console: Console, world: World, platform: ScriptedPlatform, refused: CapiEvent
) -> None:
    world.post_webhook(hotmart(order_id="HP2"))
    world.run_stages()

    answer = console.act("replay", *_all(CapiEvent))

    assert messages_of(answer)[0] == "Due again now: 1"
    assert "was accepted" in messages_of(answer)[1]
    assert [send.status for send in _all(Send)] == ["pending", "accepted"]


def test_the_reasons_why_not_are_not_a_flood(console: Console, world: World, platform: ScriptedPlatform) -> None:
    for number in range(7):
        world.post_webhook(hotmart(order_id=f"HP{number}"))
    world.run_stages()

    answer = console.act("replay", *_all(CapiEvent))

    assert len(messages_of(answer)) == 6
    assert messages_of(answer)[-1] == "2 more were left as they are."


def test_too_many_rows_at_once_are_refused_whole(
    console: Console, world: World, monkeypatch: pytest.MonkeyPatch, refused: CapiEvent
) -> None:
    monkeypatch.setattr("apps.core.admin.actions.MAX_ROWS", 0)

    answer = console.act("replay", refused)

    assert MAX_ROWS == 200
    assert messages_of(answer) == ["Nothing was done: select at most 0 rows at a time."]
    assert _all(Send)[0].status == "dead"
    assert _audit(console) == []


def test_a_quarantined_delivery_is_read_again(console: Console, world: World) -> None:
    kept = _kept_delivery(world)

    answer = console.act("read_again", kept)

    assert messages_of(answer) == ["Will be read again: 1"]
    assert _audit(console) == [(str(kept), "Will be read again")]
    with unscoped():
        assert replay_quarantine_batch().rows == 1
    assert _all(Quarantine)[0].attempts == 1


def test_what_was_read_is_not_read_twice(console: Console, world: World) -> None:
    _kept_delivery(world)
    with unscoped():
        Quarantine.objects.update(state=Quarantine.State.REPLAYED)

    answer = console.act("read_again", _all(Quarantine)[0])

    assert messages_of(answer)[0].endswith("It has been read already.")
    assert _all(Quarantine)[0].due_at is None
    assert _audit(console) == []


def test_a_revoked_key_calls_nothing_any_more(console: Console, world: World) -> None:
    with tenant_scope(world.tenant_id):
        other = create_api_key(name="second")
    first, second = _all(ApiKey)

    answer = console.act("revoke", first)

    assert messages_of(answer) == ["API key revoked: 1"]
    assert world.get("events").status_code == 401
    assert find_api_key(other) == second
    assert _audit(console) == [(str(first), "API key revoked")]


def test_a_key_is_revoked_once(console: Console, world: World) -> None:
    console.act("revoke", *_all(ApiKey))
    revoked_at = _all(ApiKey)[0].revoked_at

    answer = console.act("revoke", *_all(ApiKey))

    assert messages_of(answer)[0].endswith("It was revoked before.")
    assert _all(ApiKey)[0].revoked_at == revoked_at
    assert len(_audit(console)) == 1


def test_a_draft_is_published(console: Console, world: World) -> None:
    with unscoped():
        Funnel.objects.update(attribution_window_days=30)

    answer = console.act("publish", world.funnel)

    assert messages_of(answer) == ["Draft published: 1"]
    published = _all(Funnel)[0]
    with unscoped():
        assert published.published.config["attribution_window_days"] == 30
        assert published.published.tenant_id == world.tenant_id
    assert _audit(console) == [("Curso de Confeitaria", "Draft published")]


def test_an_incomplete_draft_says_what_it_lacks(console: Console, world: World) -> None:
    with unscoped():
        Funnel.objects.update(landing_url="")
        versions = world.funnel.versions.count()

    answer = console.act("publish", world.funnel)

    assert "Give the address of the page that the ads lead to." in messages_of(answer)[0]
    with unscoped():
        assert world.funnel.versions.count() == versions


# By action: on which rows, and how one comes to be there.
ACTIONS: dict[str, tuple[str, Callable[[World], Model]]] = {
    "replay": ("dispatch.{}_capievent", _dead_event),
    "read_again": ("conversions.{}_quarantine", _kept_delivery),
    "revoke": ("tenants.{}_apikey", lambda world: _all(ApiKey)[0]),
    "publish": ("funnels.{}_funnel", lambda world: world.funnel),
}


@pytest.mark.parametrize("action", [*ACTIONS])
def test_an_action_needs_the_permission_to_change(action: str, world: World, platform: ScriptedPlatform) -> None:
    permission, make = ACTIONS[action]
    row = make(world)
    looker = new_staff(permission.format("view"))

    page, answer = looker.page(row).content.decode(), looker.act(action, row)

    assert f'value="{action}"' not in page
    assert not any(text.endswith(": 1") for text in messages_of(answer))
    assert _audit(looker) == []
    assert [send.status for send in _all(Send)] == ["dead"] * (action == "replay")
    assert [kept.due_at for kept in _all(Quarantine)] == [None] * (action == "read_again")
    assert [key.revoked_at for key in _all(ApiKey)] == [None]
    assert len(_all(FunnelVersion)) == 1


@pytest.mark.parametrize("action", [*ACTIONS])
def test_the_permission_to_change_is_enough_and_the_page_has_a_button(
    action: str, world: World, platform: ScriptedPlatform
) -> None:
    permission, make = ACTIONS[action]
    row = make(world)
    doer = new_staff(permission.format("view"), permission.format("change"))

    page, answer = doer.page(row).content.decode(), doer.act(action, row)

    assert f'<input type="hidden" name="action" value="{action}">' in page
    assert messages_of(answer)[0].endswith(": 1")
    assert len(_audit(doer)) == 1


def test_the_button_on_a_page_acts_on_that_row_alone(
    console: Console, world: World, platform: ScriptedPlatform, refused: CapiEvent
) -> None:
    page = console.page(refused)

    answer = console.client.post(
        page.context["page_actions_address"],
        {"action": "replay", "_selected_action": str(refused.pk), "index": "0"},
        follow=True,
    )

    assert messages_of(answer) == ["Due again now: 1"]
    assert [row.pk for row in answer.context["cl"].result_list] == [refused.pk]


def test_an_action_by_get_does_nothing(console: Console, refused: CapiEvent) -> None:
    console.list(CapiEvent, action="replay", _selected_action=str(refused.pk))

    assert _all(Send)[0].status == "dead"


def test_reading_again_leaves_the_delivery_as_it_was(console: Console, world: World) -> None:
    kept, now = _kept_delivery(world), timezone.now()

    console.act("read_again", kept)

    assert [delivery.outcome for delivery in _all(Delivery)] == ["quarantined"]
    assert _all(Quarantine)[0].due_at >= now
