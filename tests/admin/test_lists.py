"""Lists: as many queries for twenty rows as for one, no count of a big table, filters that filter."""

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib import admin
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.conversions.models import AdapterComparison, Conversion, Delivery, DriftNotice, Quarantine
from apps.conversions.services import note_drift
from apps.core.admin import RecordAdmin
from apps.dispatch.models import CapiEvent, Send
from apps.funnels.models import Endpoint, Funnel, RolloutChange
from apps.matching.models import Match
from apps.tenants.admin import OwnedRecordAdmin
from apps.tenants.models import Tenant, User
from apps.tenants.scoping import unscoped
from apps.tenants.services import create_tenant
from tests.admin.console import (
    FUNNEL,
    REGISTERED,
    Console,
    compare_adapters,
    endpoint_of,
    fill_other_tables,
    sign_in,
    switch_endpoint_of,
    tell_story,
)
from tests.platforms import ScriptedPlatform
from tests.worlds import World, hotmart, make_world

RECORDS = [model for model in REGISTERED if isinstance(admin.site._registry[model], RecordAdmin)]
BIG = [model for model in RECORDS if isinstance(admin.site._registry[model], OwnedRecordAdmin)]


def _live_whole_lives(count: int) -> None:
    """This many tenants, each with a row of its own in every table and an entry in the audit."""
    for _turn in range(count):
        number = User.objects.count()
        world = make_world(create_tenant(name=f"Tenant {number}", email=f"owner{number}@example.com"))
        tell_story(world, order_id=f"HP{number}")
        fill_other_tables(number)
        staff = sign_in(User.objects.create_superuser(f"staff{number}@example.com"))
        staff.save(world.funnel, **FUNNEL, name=f"Renamed {number}")


def _count_queries(console: Console) -> dict[str, int]:
    counted = {}
    for model in REGISTERED:
        with CaptureQueriesContext(connection) as captured:
            assert console.list(model).status_code == 200
        counted[model._meta.label] = len(captured)
    return counted


def test_twenty_rows_take_as_many_queries_as_one(console: Console, platform: ScriptedPlatform) -> None:
    _live_whole_lives(1)
    with_one = _count_queries(console)
    _live_whole_lives(19)
    with_twenty = _count_queries(console)

    with unscoped():
        rows = {model._meta.label: model._default_manager.count() for model in REGISTERED}
    assert min(rows.values()) >= 20
    assert with_twenty == with_one


@pytest.mark.parametrize("model", RECORDS, ids=lambda model: model._meta.label)
def test_no_list_counts_a_big_table(model: type[Model], console: Console) -> None:
    with CaptureQueriesContext(connection) as captured:
        for query in ({}, {"q": "nothing of ours"}, {"p": "3"}, {"all": ""}, {"_facets": "True"}):
            assert console.list(model, **query).status_code == 200

    assert len(captured) > 5
    assert [entry["sql"] for entry in captured if re.search(r"\bCOUNT\(|\bDISTINCT\b", entry["sql"])] == []


def _choices(answer: Any) -> list[str]:
    """The addresses behind every choice of every filter that offers a fixed list."""
    changelist = answer.context["cl"]
    with unscoped():
        choices = [choice for spec in changelist.filter_specs for choice in spec.choices(changelist)]
    return [choice["query_string"] for choice in choices if "query_string" in choice]


def test_every_choice_of_every_filter_answers(console: Console, story: dict[str, str]) -> None:
    followed = 0
    for model in REGISTERED:
        listing = console.list(model)
        for choice in _choices(listing):
            answer = console.client.get(listing.request["PATH_INFO"] + choice)
            assert answer.status_code == 200, (model, choice)
            followed += 1

    assert followed > 60


def _shown(console: Console, model: type[Model], **query: str) -> int:
    return len(console.list(model, **query).context["cl"].result_list)


@pytest.mark.parametrize("model", [Conversion, CapiEvent, Match], ids=lambda model: model._meta.label)
def test_a_list_can_be_narrowed_to_one_tenant(
    model: type[Model], console: Console, world: World, other_world: World, platform: ScriptedPlatform
) -> None:
    for place in (world, other_world):
        place.post_webhook(hotmart())
        place.run_stages()

    assert _shown(console, model) == 2
    assert _shown(console, model, tenant__id__exact=str(world.tenant_id)) == 1


def test_fixed_words_narrow_lists(console: Console, story: dict[str, str]) -> None:
    assert _shown(console, Conversion, gateway="hotmart") == 1
    assert _shown(console, Conversion, gateway="stripe") == 0
    assert _shown(console, Conversion, status__exact="approved") == 1
    assert _shown(console, Conversion, status__exact="refunded") == 0
    assert _shown(console, Delivery, outcome__exact="quarantined") == 1
    assert _shown(console, Quarantine, gateway="hotmart") == 2, "one unreadable, one with an unknown word"
    assert _shown(console, Match, rule="explicit_click_id") == 1
    assert _shown(console, Match, rule="email_hash") == 0
    assert _shown(console, CapiEvent, event="Purchase") == 1
    assert _shown(console, CapiEvent, event="Subscribe") == 0


def test_what_is_kept_of_adapters_and_switches_can_be_narrowed(console: Console, world: World) -> None:
    tell_story(world)
    compare_adapters(world, order_id="HP2", differences=[])

    for model, count in ((DriftNotice, 1), (AdapterComparison, 2)):
        assert _shown(console, model, gateway="hotmart") == count
        assert _shown(console, model, gateway="stripe") == 0
        assert _shown(console, model, tenant__id__exact=str(world.tenant_id)) == count
        assert _shown(console, model, tenant__id__exact=str(UUID(int=1))) == 0
    assert [_shown(console, AdapterComparison, differs=word) for word in ("yes", "no")] == [1, 1]
    assert [_shown(console, RolloutChange, gateway=slug) for slug in ("stripe", "hotmart")] == [1, 0]
    hotmart_s = str(endpoint_of(world).pk)
    assert _shown(console, AdapterComparison, endpoint__id__exact=hotmart_s) == 2
    assert _shown(console, RolloutChange, endpoint__id__exact=hotmart_s) == 0


def test_new_fields_are_new_for_seven_days(console: Console, world: World) -> None:
    note_drift(world.tenant_id, "hotmart", {("2.0.0", "old"), ("2.0.0", "new")})
    now = timezone.now()
    with unscoped():
        for path, age in (("old", timedelta(days=7, minutes=1)), ("new", timedelta(days=6, hours=23))):
            DriftNotice.objects.filter(path=path).update(first_seen_at=now - age)

    assert [row.path for row in console.list(DriftNotice, first_seen="new").context["cl"].result_list] == ["new"]
    assert _shown(console, DriftNotice) == 2


def test_endpoints_and_funnels_can_be_narrowed_by_what_they_do(console: Console, world: World) -> None:
    switch_endpoint_of(world, actor="a")
    with unscoped():
        others = world.funnel.endpoints.exclude(gateway="stripe").count()

    assert [_shown(console, Endpoint, rollout__exact=word) for word in ("live", "shadow", "off")] == [others, 1, 0]
    assert [_shown(console, Endpoint, candidate__exact=word) for word in ("off", "live")] == [others + 1, 0]
    assert [_shown(console, Funnel, child_orders__exact=word) for word in ("exclude", "purchase")] == [1, 0]


def test_the_list_of_endpoints_tells_how_far_each_goes(console: Console, world: World) -> None:
    switch_endpoint_of(world, actor="a")

    html = console.list(Endpoint, gateway="stripe").content.decode()

    assert "10 %" in html
    assert "100 %" in console.list(Endpoint, gateway="hotmart").content.decode()
    assert re.search(r"bg-orange-100[^>]*>\s*shadow\s*<", html)


def test_what_waits_can_be_listed(console: Console, world: World) -> None:
    world.post_webhook(hotmart(order_id="HP1"))
    assert _shown(console, Conversion, matching="due") == 1
    assert _shown(console, Conversion, matching="set-aside") == 0

    with unscoped():
        Conversion.objects.update(match_failures=5, match_due_at=None)

    assert _shown(console, Conversion, matching="due") == 0
    assert _shown(console, Conversion, matching="set-aside") == 1


def test_sends_that_are_due_can_be_listed(console: Console, story: dict[str, str], world: World) -> None:
    with unscoped():
        assert Send.objects.filter(status="accepted").count() == 1
    assert _shown(console, Send, due="now") == 0

    world.post_webhook(hotmart(order_id="HP2"))
    world.match()

    assert _shown(console, Send, due="now") == 1
    with unscoped():
        Send.objects.filter(status="pending").update(status="retrying", due_at="2099-01-01T00:00:00Z")
    assert _shown(console, Send, due="now") == 0  # it has to wait


def test_small_lists_can_be_sorted_and_big_ones_cannot(console: Console, world: World, other_world: World) -> None:
    upwards = [row.name for row in console.list(Tenant, o="0").context["cl"].result_list]
    downwards = [row.name for row in console.list(Tenant, o="-0").context["cl"].result_list]

    assert (upwards, downwards) == (["Cursos da Ana", "Loja do Bruno"], ["Loja do Bruno", "Cursos da Ana"])
    assert "?o=2" in console.list(Tenant).content.decode()  # the heading of the date
    assert "?o=" not in console.list(Conversion).content.decode()


def test_paging_works_without_a_count(console: Console, world: World) -> None:
    page = admin.site._registry[Conversion].list_per_page
    for number in range(page + 1):
        world.post_webhook(hotmart(order_id=f"HP{number}"))

    assert _shown(console, Conversion) == page
    assert _shown(console, Conversion, p="2") == 1
    assert _shown(console, Conversion, p="3") == 0
