"""The form of an endpoint: its secret goes in and never comes out, and every switch is kept."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry

from apps.funnels.models import Endpoint, RolloutChange
from apps.gateways.hotmart.adapter import HotmartAdapter
from apps.gateways.registry import CANDIDATES
from apps.tenants.scoping import unscoped
from tests.admin.console import (
    SCRIPT,
    Console,
    address,
    all_rows,
    endpoint_of,
    endpoint_values,
    errors_of,
    fresh,
    new_staff,
    switch_endpoint_of,
    text_of,
)
from tests.worlds import SECRETS, World

NO_CANDIDATE = {"candidate": ["There is no next version of this gateway's adapter to try."]}


def _switches() -> list[tuple[str, Any]]:
    return [(change.actor, change.changes) for change in all_rows(RolloutChange)]


@pytest.fixture
def candidate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hotmart's adapter has a next version."""
    monkeypatch.setitem(CANDIDATES, "hotmart", HotmartAdapter())


def test_a_new_secret_works_at_once_beside_the_old_one(console: Console, world: World) -> None:
    endpoint = endpoint_of(world)

    answer = console.save(endpoint, **endpoint_values(new_secret=" the-newest-hottok "))

    saved = fresh(endpoint)
    assert (saved.secret, saved.previous_secret) == ("the-newest-hottok", SECRETS["hotmart"])
    assert "the-newest-hottok" not in answer.content.decode()
    assert "the-newest-hottok" not in console.page(endpoint).content.decode()
    assert "New secret" in LogEntry.objects.get().get_change_message()
    assert _switches() == []


def test_an_empty_secret_keeps_the_one_in_use(console: Console, world: World) -> None:
    endpoint = endpoint_of(world)

    console.save(endpoint, **endpoint_values(rollout="shadow"))

    saved = fresh(endpoint)
    assert (saved.rollout, saved.secret, saved.previous_secret) == ("shadow", SECRETS["hotmart"], None)


def test_a_form_that_fails_does_not_give_the_secret_back(console: Console, world: World) -> None:
    answer = console.save(endpoint_of(world), **endpoint_values(rollout="sideways", new_secret="the-newest-hottok"))

    assert "rollout" in errors_of(answer)
    assert "the-newest-hottok" not in answer.content.decode()
    assert fresh(endpoint_of(world)).secret == SECRETS["hotmart"]


def test_the_page_of_an_endpoint_shows_its_address(console: Console, world: World) -> None:
    html = console.page(endpoint_of(world)).content.decode()

    assert f"/api/v1/webhooks/hotmart/{world.endpoint_key()}" in html
    assert 'type="password" name="new_secret"' in html


def test_a_new_endpoint_has_no_address_before_it_is_saved(console: Console, world: World) -> None:
    html = console.client.get(address(Endpoint, "add")).content.decode()

    assert "Address" in html
    assert "/api/v1/webhooks/" not in html


def test_a_new_endpoint_belongs_to_its_funnels_tenant(console: Console, other_world: World) -> None:
    endpoint_of(other_world, "stripe").delete()
    values = endpoint_values(funnel=other_world.funnel.pk, gateway="stripe", new_secret="whsec_1")

    console.save(Endpoint, **values)

    made = endpoint_of(other_world, "stripe")
    assert (made.tenant_id, made.secret, made.previous_secret) == (other_world.tenant_id, "whsec_1", None)
    assert (made.rollout, made.live_percent, made.candidate) == ("live", 100, "off")
    assert _switches() == []


def test_how_far_a_new_endpoint_goes_is_kept_too(console: Console, world: World) -> None:
    endpoint_of(world, "stripe").delete()
    values = endpoint_values(funnel=world.funnel.pk, gateway="stripe", new_secret="whsec_1", rollout="shadow")

    console.save(Endpoint, **values)

    made = endpoint_of(world, "stripe")
    assert made.rollout == "shadow"
    assert _switches() == [("root@example.com", {"rollout": ["live", "shadow"]})]
    assert all_rows(RolloutChange)[0].endpoint_id == made.pk


def test_a_new_endpoint_needs_a_known_gateway_and_a_secret(console: Console, world: World) -> None:
    before = len(all_rows(Endpoint))

    errors = errors_of(
        console.save(Endpoint, **endpoint_values(funnel=world.funnel.pk, gateway="hotmail", new_secret=" "))
    )

    assert errors.keys() == {"gateway", "new_secret"}
    assert len(all_rows(Endpoint)) == before


def test_a_gateway_that_signs_nothing_needs_no_secret(console: Console, world: World) -> None:
    for gateway in ("appmax", "stripe"):
        endpoint_of(world, gateway).delete()

    console.save(Endpoint, **endpoint_values(funnel=world.funnel.pk, gateway="appmax"))
    refused = console.save(Endpoint, **endpoint_values(funnel=world.funnel.pk, gateway="stripe"))

    made = endpoint_of(world, "appmax")
    assert (made.secret, made.tenant_id) == ("", world.tenant_id)
    assert errors_of(refused) == {"new_secret": ["A new one needs it."]}
    with unscoped():
        assert not world.funnel.endpoints.filter(gateway="stripe").exists()
    assert "This gateway signs nothing, so none is needed." in text_of(console.page(made))
    assert "This gateway signs nothing" not in text_of(console.page(endpoint_of(world)))


def test_what_an_endpoint_is_cannot_be_changed(console: Console, world: World, other_world: World) -> None:
    endpoint = endpoint_of(world)

    console.save(endpoint, **endpoint_values(rollout="off"), gateway="stripe", funnel=other_world.funnel.pk)

    saved = fresh(endpoint)
    assert (saved.rollout, saved.gateway, saved.funnel_id) == ("off", "hotmart", world.funnel.pk)
    assert saved.tenant_id == world.tenant_id


def test_every_switch_is_kept_with_who_made_it(console: Console, world: World) -> None:
    endpoint = endpoint_of(world)

    console.save(endpoint, **endpoint_values(live_percent="10"))
    console.save(endpoint, **endpoint_values(rollout="shadow", live_percent="10"))

    saved = fresh(endpoint)
    assert (saved.rollout, saved.live_percent) == ("shadow", 10)
    assert _switches() == [
        ("root@example.com", {"live_percent": [100, 10]}),
        ("root@example.com", {"rollout": ["live", "shadow"]}),
    ]
    assert [change.tenant_id for change in all_rows(RolloutChange)] == [world.tenant_id] * 2


def test_a_page_of_before_a_switch_does_not_undo_it(console: Console, world: World) -> None:
    page = text_of(console.page(endpoint_of(world, "stripe")))
    shown = {f"initial-{name}": value for name, value in endpoint_values().items() if name != "new_secret"}
    switch_endpoint_of(world, actor="ana@example.com")

    console.save(endpoint_of(world, "stripe"), **endpoint_values(new_secret="whsec_2"), **shown)

    saved = fresh(endpoint_of(world, "stripe"))
    assert [f'type="hidden" name="{name}"' in page for name in shown] == [True, True, True]
    assert (saved.rollout, saved.live_percent, saved.secret) == ("shadow", 10, "whsec_2")
    assert [actor for actor, _changes in _switches()] == ["ana@example.com"]


def test_saving_without_a_switch_keeps_none(console: Console, world: World) -> None:
    console.save(endpoint_of(world), **endpoint_values())

    assert _switches() == []


@pytest.mark.parametrize("percent", ["-1", "101", "", "half"])
def test_a_percentage_out_of_range_is_refused(percent: str, console: Console, world: World) -> None:
    errors = errors_of(console.save(endpoint_of(world), **endpoint_values(live_percent=percent, rollout="off")))

    assert errors.keys() == {"live_percent"}
    assert (fresh(endpoint_of(world)).rollout, _switches()) == ("live", [])


@pytest.mark.parametrize("trial", ["shadow", "live"])
def test_a_switch_to_no_candidate_is_refused_beside_its_field(trial: str, console: Console, world: World) -> None:
    values = endpoint_values(candidate=trial, rollout="off", new_secret="the-newest-hottok")

    answer = console.save(endpoint_of(world), **values)

    assert (answer.status_code, errors_of(answer)) == (200, NO_CANDIDATE)
    saved = fresh(endpoint_of(world))
    assert (saved.candidate, saved.rollout, saved.secret) == ("off", "live", SECRETS["hotmart"])
    assert _switches() == []


def test_a_new_endpoint_without_a_candidate_is_refused(console: Console, world: World, candidate: None) -> None:
    endpoint_of(world, "stripe").delete()
    values = endpoint_values(funnel=world.funnel.pk, gateway="stripe", new_secret="whsec_1", candidate="shadow")

    assert errors_of(console.save(Endpoint, **values)) == NO_CANDIDATE
    with unscoped():
        assert not world.funnel.endpoints.filter(gateway="stripe").exists()


def test_a_candidate_is_switched_on(console: Console, world: World, candidate: None) -> None:
    console.save(endpoint_of(world), **endpoint_values(candidate="shadow"))

    assert fresh(endpoint_of(world)).candidate == "shadow"
    assert _switches() == [("root@example.com", {"candidate": ["off", "shadow"]})]


def test_who_may_only_look_sees_nothing_to_type_into(world: World) -> None:
    looker = new_staff("funnels.view_endpoint")
    endpoint = endpoint_of(world)

    html = text_of(looker.page(endpoint))
    refused = looker.client.post(address(endpoint, "change"), endpoint_values(rollout="off"))

    assert "New secret" not in html
    assert "New credentials" not in html
    assert "weak: fixed token" in html
    assert refused.status_code == 403
    assert (fresh(endpoint).rollout, _switches()) == ("live", [])


@pytest.mark.parametrize(
    ("gateway", "words"),
    [
        ("stripe", "strong: signature"),
        ("hotmart", "weak: fixed token"),
        ("braip", "weak: token in the body"),
        ("appmax", "none: only the secret address"),
    ],
)
def test_the_strength_of_the_authentication_is_told_in_words(
    gateway: str, words: str, console: Console, world: World
) -> None:
    assert words in text_of(console.page(endpoint_of(world, gateway)))
    assert words in text_of(console.page(world.funnel))


def test_the_page_tells_the_last_switches(console: Console, world: World) -> None:
    switch_endpoint_of(world, actor=f"API: {SCRIPT}")

    answer = console.page(endpoint_of(world, "stripe"))

    assert "rollout: live → shadow; live, percent of the orders: 100 → 10" in text_of(answer)
    assert f"API: {SCRIPT}" in text_of(answer)
    assert SCRIPT not in answer.content.decode()
    assert f'href="{address(all_rows(RolloutChange)[0], "change")}"' in answer.content.decode()
    assert "→" not in text_of(console.page(endpoint_of(world)))


def test_a_switch_of_a_field_that_is_gone_is_still_told(console: Console, world: World) -> None:
    with unscoped():
        endpoint = endpoint_of(world)
        RolloutChange.objects.create(
            tenant_id=world.tenant_id, endpoint=endpoint, actor="a", changes={"lane": ["slow", "fast"]}
        )

    assert "lane: slow → fast" in text_of(console.page(endpoint))
    assert "lane: slow → fast" in text_of(console.list(RolloutChange))
