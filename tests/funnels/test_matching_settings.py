"""What a funnel tells matching: settings of the draft that are checked together, published, and read with defaults."""

from dataclasses import asdict, replace
from typing import Any

import pytest
from django.db import connection
from django.utils.translation import override

from apps.core.errors import BadInput
from apps.funnels.models import Funnel
from apps.funnels.selectors import FunnelConfig, draft_config, published_configs
from apps.funnels.services import update_funnel
from apps.tenants.scoping import tenant_scope, unscoped
from tests.worlds import LANDING, World

DEFAULTS: dict[str, Any] = {
    "view_through_days": 0,
    "attribution_model": "last_click",
    "auto_threshold": 0.85,
    "review_threshold": 0.6,
    "uncertain_matches": "review",
    "review_hours": 4,
    "review_timeout": "unmatched",
    "weight_set": "",
}
CHOSEN: dict[str, Any] = {
    "view_through_days": 3,
    "attribution_model": "any_click",
    "auto_threshold": 0.925,
    "review_threshold": 0.7,
    "uncertain_matches": "auto",
    "review_hours": 48,
    "review_timeout": "accept",
}
SENTENCE = "The confidence to propose a match may not be above the one to match by itself."


def patch(world: World, **members: Any) -> Any:
    return world.client.patch(
        f"/api/v1/funnels/{world.funnel.pk}",
        members,
        content_type="application/json",
        headers={**world.auth, "Accept-Language": "en"},
    )


def draft(world: World) -> dict[str, Any]:
    """The settings as the API answers them."""
    answer = world.get(f"funnels/{world.funnel.pk}").json()
    return {name: answer[name] for name in DEFAULTS}


def running(world: World) -> FunnelConfig:
    with unscoped():
        return published_configs([world.funnel.pk])[world.funnel.pk]


def settings_of(config: FunnelConfig) -> dict[str, Any]:
    return {name: value for name, value in asdict(config).items() if name in DEFAULTS}


def test_a_new_funnel_has_the_products_settings(world: World) -> None:
    assert draft(world) == DEFAULTS
    assert settings_of(running(world)) == DEFAULTS


@pytest.mark.parametrize("name", CHOSEN)
def test_each_setting_is_changed_alone_and_runs_once_published(world: World, name: str) -> None:
    answer = patch(world, **{name: CHOSEN[name]})
    before = settings_of(running(world))
    world.post(f"funnels/{world.funnel.pk}/publish")

    assert answer.status_code == 200
    assert draft(world) == {**DEFAULTS, name: CHOSEN[name]}
    assert (before, settings_of(running(world))) == (DEFAULTS, {**DEFAULTS, name: CHOSEN[name]})


def test_a_funnel_may_be_made_with_all_of_them(world: World) -> None:
    made = world.post("funnels", {"name": "Curso de Bolos", **CHOSEN})

    assert made.status_code == 201
    assert {name: made.json()[name] for name in CHOSEN} == CHOSEN


@pytest.mark.parametrize(
    "members",
    [
        *({"review_threshold": 0.5, "auto_threshold": 0.5}, {"review_threshold": 1, "auto_threshold": 1}),
        *({"review_threshold": 0.5, "auto_threshold": 1.0}, {"review_threshold": 0.85}, {"auto_threshold": 0.6}),
        *({"view_through_days": 0}, {"view_through_days": 7}, {"review_hours": 1}, {"review_hours": 144}),
        *({"attribution_model": "first_click"}, {"attribution_model": "last_click"}),
    ],
    ids=str,
)
def test_the_limits_belong_to_what_is_allowed(world: World, members: dict[str, Any]) -> None:
    assert patch(world, **members).status_code == 200
    assert draft(world) == {**DEFAULTS, **members}


@pytest.mark.parametrize("members", [{"review_threshold": 0.86}, {"auto_threshold": 0.59}], ids=str)
def test_one_confidence_is_held_against_the_other_that_stands(world: World, members: dict[str, Any]) -> None:
    answer = patch(world, **members, name="Renamed")

    assert (answer.status_code, answer.json()["errors"]) == (422, {"review_threshold": SENTENCE})
    assert draft(world) == DEFAULTS
    with unscoped():
        assert Funnel.objects.get(pk=world.funnel.pk).name == "Curso de Confeitaria"


def test_both_confidences_can_move_past_each_other_in_one_change(world: World) -> None:
    assert patch(world, review_threshold=0.9, auto_threshold=0.95).status_code == 200
    assert patch(world, auto_threshold=0.85).status_code == 422
    assert patch(world, review_threshold=0.5, auto_threshold=0.55).status_code == 200

    assert draft(world) == {**DEFAULTS, "review_threshold": 0.5, "auto_threshold": 0.55}


def test_a_contradiction_makes_no_funnel(world: World) -> None:
    answer = world.post("funnels", {"name": "Curso de Bolos", "review_threshold": 0.9})

    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["review_threshold"])
    with unscoped():
        assert Funnel.objects.count() == 1


def test_a_change_is_held_against_what_another_left_meanwhile(world: World) -> None:
    with tenant_scope(world.tenant_id), override("en"):
        stale = Funnel.objects.get(pk=world.funnel.pk)
        update_funnel(Funnel.objects.get(pk=world.funnel.pk), {"review_threshold": 0.8})

        with pytest.raises(BadInput) as refused:
            update_funnel(stale, {"auto_threshold": 0.7})

    assert refused.value.fields == {"review_threshold": SENTENCE}
    assert draft(world) == {**DEFAULTS, "review_threshold": 0.8}


def test_the_weights_are_not_the_api_callers_to_set(world: World) -> None:
    answer = patch(world, weight_set="mine")

    assert (answer.status_code, answer.json()["weight_set"], answer.json()["unpublished_changes"]) == (200, "", False)


def test_the_weights_are_published_like_every_setting(world: World) -> None:
    with tenant_scope(world.tenant_id):
        update_funnel(world.funnel, {"weight_set": "seller-7"})
    before = world.get(f"funnels/{world.funnel.pk}").json()
    world.post(f"funnels/{world.funnel.pk}/publish")

    assert (before["weight_set"], before["unpublished_changes"]) == ("seller-7", True)
    assert settings_of(running(world)) == {**DEFAULTS, "weight_set": "seller-7"}


def test_a_version_of_before_these_settings_reads_with_the_defaults(world: World) -> None:
    config = running(world)
    old = {name: value for name, value in config.to_json().items() if name not in DEFAULTS}

    assert FunnelConfig.from_json(old) == config
    assert FunnelConfig.from_json({**old, "review_hours": 48}) == replace(config, review_hours=48)


def test_a_row_of_before_these_columns_has_the_defaults(world: World) -> None:
    old = "tenant_id, name, landing_url, attribution_window_days, unknown_consent, created_at, updated_at"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO funnels_funnel (id, public_key, {old}) "
            f"SELECT gen_random_uuid(), 'pk_old', {old} FROM funnels_funnel"
        )

    with unscoped():
        config = draft_config(Funnel.objects.get(public_key="pk_old"))

    assert (config.landing_url, settings_of(config)) == (LANDING, DEFAULTS)
