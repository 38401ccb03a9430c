"""Search: by what a customer can read out to support, always through an index."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.db.models import Model, UniqueConstraint

from apps.clicks.models import Click, EventReceipt, Identity, PageEvent, Person, PersonMerge, Session
from apps.clicks.selectors import clicks_of_meta
from apps.conversions.models import AdapterComparison, Conversion, Delivery, DriftNotice
from apps.core.admin import SupportAdmin
from apps.core.admin.search import MAX_HITS, Lookup, added_lookups, find_keys
from apps.core.identity import hash_email, hash_phone
from apps.dispatch.models import Attempt, CapiEvent, Send
from apps.funnels.models import Destination, Endpoint, Funnel, RolloutChange
from apps.funnels.services import switch_endpoint
from apps.matching.models import Match
from apps.tenants.models import ApiKey, Member, Tenant, User
from apps.tenants.scoping import tenant_scope, unscoped
from tests.admin.console import Console, endpoint_of, tell_story, text_of
from tests.platforms import ScriptedPlatform
from tests.worlds import PIXEL, World, hotmart

EMAIL, PHONE = "  Beatriz@Example.COM ", "+55 (11) 98765-4321"


@pytest.fixture
def known(world: World, other_world: World, platform: ScriptedPlatform, console: Console) -> dict[str, str]:
    """What support may be told about Ana's one sale, beside a sale of somebody else's."""
    ids = tell_story(world, order_id="HP1")
    other_world.click(fbclid="another", email="carla@example.com")
    other_world.post_webhook(hotmart(order_id="HP2", email="carla@example.com", phone="(21) 91234-5678"))
    other_world.run_stages()
    with tenant_scope(world.tenant_id):
        switch_endpoint(endpoint_of(world), {"live_percent": 99}, actor="ana@example.com")
    with unscoped():
        event_id = CapiEvent.objects.get(conversion__order_id="HP1").event_id
        destination = Destination.objects.get(funnel=world.funnel)
        public_key = world.funnel.public_key
        merge = PersonMerge.objects.select_related("kept", "merged").get(tenant=world.tenant_id)
    return {
        "order": "HP1",
        "e-mail": EMAIL,
        "e-mail hash": hash_email(EMAIL) or "",
        "phone": PHONE,
        "phone hash": hash_phone(PHONE) or "",
        "click": ids["click_id"],
        "session": ids["session_id"],
        "person": merge.kept.public_id,
        "merged person": merge.merged.public_id,
        "event": event_id,
        "fbclid": "IwAR0-Some.Opaque_Value",
        "tenant": "cursos da ana",
        "funnel id": str(world.funnel.pk),
        "funnel name": "Confeitaria",
        "public key": public_key,
        "destination id": str(destination.pk),
        "pixel": PIXEL,
        "prefix": world.key[:12],
        "owner": "ana@example.com",
        "endpoint key": world.endpoint_key(),
        "endpoint id": str(endpoint_of(world).pk),
        "new field": "data.purchase.loyalty",
    }


FINDS = {
    Conversion: ("order", "e-mail", "e-mail hash", "phone", "phone hash", "click", "session", "event", "tenant"),
    Delivery: ("order", "tenant"),
    Click: ("click", "session", "fbclid", "e-mail", "phone", "tenant"),
    Session: ("session", "click", "person", "e-mail", "phone"),
    Person: ("person", "session", "e-mail", "e-mail hash", "phone"),
    Identity: ("person", "e-mail", "phone hash"),
    PersonMerge: ("person", "merged person"),
    PageEvent: ("session", "click", "e-mail"),
    EventReceipt: ("click",),  # whose id the story gave its event
    Match: ("order", "e-mail", "phone", "click", "session", "tenant"),
    CapiEvent: ("event", "order", "e-mail", "phone", "tenant"),
    Send: ("event", "order", "e-mail", "tenant"),
    Attempt: ("event", "order"),
    Funnel: ("public key", "funnel id", "tenant"),
    Endpoint: ("endpoint key", "funnel id", "tenant"),
    RolloutChange: ("endpoint key", "endpoint id", "tenant"),
    DriftNotice: ("new field", "tenant"),
    AdapterComparison: ("endpoint key", "endpoint id"),
    Destination: ("destination id", "funnel id", "tenant"),
    Member: ("owner", "tenant"),
    ApiKey: ("prefix", "tenant"),
    Tenant: ("tenant",),
    User: ("owner",),
}


def _found(console: Console, model: type[Model], text: str) -> list[Any]:
    answer = console.list(model, q=text)
    assert answer.status_code == 200
    return list(answer.context["cl"].result_list)


def _tenant_of(row: Any) -> str:
    if isinstance(row, User):
        return str(row.email)
    with unscoped():
        return str(row if isinstance(row, Tenant) else row.tenant)


@pytest.mark.parametrize("model", [*FINDS], ids=lambda model: model._meta.label)
def test_a_row_is_found_by_what_support_is_told(model: type[Model], console: Console, known: dict[str, str]) -> None:
    ana = "ana@example.com" if model is User else "Cursos da Ana"
    for kind in FINDS[model]:
        assert {_tenant_of(row) for row in _found(console, model, known[kind])} == {ana}, kind


@pytest.mark.parametrize("text", ["nobody@example.com", "(31) 90000-0000", "HP", "%", "' OR 1=1 --", "x" * 5000])
def test_what_is_not_there_is_not_found(text: str, console: Console, known: dict[str, str]) -> None:
    found = {model._meta.label: _found(console, model, text) for model in FINDS}

    assert found == {model._meta.label: [] for model in FINDS}


@pytest.mark.parametrize("model", [*FINDS], ids=lambda model: model._meta.label)
def test_the_box_says_what_can_be_typed(model: type[Model], console: Console) -> None:
    html = text_of(console.list(model))

    assert f'placeholder="{admin.site._registry[model].search_help_text}"' in html


def test_a_text_with_a_nul_is_refused_politely(console: Console, known: dict[str, str]) -> None:
    answer = console.list(Conversion, q="HP1\x00")

    assert answer.status_code == 200


def test_a_pixel_shared_by_two_tenants_is_found_twice(console: Console, known: dict[str, str]) -> None:
    assert len(_found(console, Destination, PIXEL)) == 2


def test_an_order_id_that_two_tenants_share_finds_both(console: Console, world: World, other_world: World) -> None:
    for place in (world, other_world):
        place.post_webhook(hotmart(order_id="HP7"))

    assert {str(row.tenant) for row in _found(console, Conversion, "HP7")} == {"Cursos da Ana", "Loja do Bruno"}


def test_a_search_within_a_filter_stays_within_it(console: Console, world: World, other_world: World) -> None:
    for place in (world, other_world):
        place.post_webhook(hotmart(order_id="HP7"))

    answer = console.list(Conversion, q="HP7", tenant__id__exact=str(world.tenant_id))

    assert [row.tenant_id for row in answer.context["cl"].result_list] == [world.tenant_id]


def test_hits_are_limited(world: World) -> None:
    with unscoped():
        place = {"tenant_id": world.tenant_id, "funnel": world.funnel, "endpoint": world.funnel.endpoints.first()}
        sale = {**place, "status": "approved", "occurred_at": datetime.now(UTC), "email_sha256": "e"}
        Conversion.objects.bulk_create(Conversion(**sale, order_id=str(number)) for number in range(MAX_HITS + 1))

        assert len(find_keys(Conversion, [Lookup("email_sha256")], "e")) == MAX_HITS


BIG = (
    *(Conversion, Delivery, Click, Session, PageEvent, Match, CapiEvent, Send, Attempt, AdapterComparison),
    *(Person, Identity, PersonMerge, EventReceipt),
)


def _indexes(model: type[Any]) -> list[list[str]]:
    """The columns of each index, in order."""
    single = [[field.name] for field in model._meta.concrete_fields if field.unique or field.db_index]
    unique = [item for item in model._meta.constraints if isinstance(item, UniqueConstraint)]
    several = [*model._meta.indexes, *unique]
    return single + [[name.lstrip("-") for name in item.fields] for item in several]


def _is_indexed(model: type[Model], column: str, leading: set[str]) -> bool:
    """Whether an index serves `column` = x once the columns `leading` are named too."""
    return any(column in columns and set(columns[: columns.index(column)]) <= leading for columns in _indexes(model))


def _walk(model: type[Any], path: str) -> tuple[list[bool], type[Any], str]:
    """Along the relations of `path`: whether each can be walked back by an index, and the column it ends at."""
    *hops, column = path.removesuffix("__in").split("__")
    walkable = []
    for hop in hops:
        relation = model._meta.get_field(hop)
        owner, key = (model, hop) if relation.concrete else (relation.related_model, relation.field.name)
        walkable.append(_is_indexed(owner, key, set()) or owner._meta.get_field(key).one_to_one)
        model = relation.related_model
    return walkable, model, column


def _lookups(model: type[Model]) -> list[Lookup]:
    page = admin.site._registry[model]
    assert isinstance(page, SupportAdmin)
    return [*page.lookups, *added_lookups(model)]


@pytest.mark.parametrize(
    ("model", "lookup"),
    [(model, lookup) for model in BIG for lookup in _lookups(model)],
    ids=lambda item: item.path if isinstance(item, Lookup) else item._meta.label,
)
def test_a_search_of_a_big_table_has_its_index(model: type[Model], lookup: Lookup) -> None:
    walkable, owner, column = _walk(model, lookup.path)
    leading = {path.removesuffix("__in").rsplit("__", 1)[-1] for path in lookup.leading}

    assert all(walkable)
    assert _is_indexed(owner, column, leading)


def test_a_meta_click_id_is_found_by_the_index_of_its_digests(db: None) -> None:
    with unscoped(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        plan = clicks_of_meta("IwAR0").explain()

    assert "Index Scan using click_fbclid" in plan
