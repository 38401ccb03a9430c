"""Every address of the REST API, walked with the key of one customer and the ids of another."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db.models import Model
from django.urls import URLPattern, URLResolver, get_resolver

from apps.clicks.models import PersonMerge, Session, TrackingDomain, TrackingLink
from apps.conversions.models import Conversion, DriftNotice, Quarantine
from apps.dispatch.models import CapiEvent, Replay
from apps.funnels.models import Endpoint, Funnel
from apps.matching.models import Comparison, Match
from apps.pipeline.stages import match_batch
from apps.tenants.models import SigningKey
from apps.tenants.scoping import unscoped
from tests.clicks.known import link_all, visit
from tests.pipeline.database import everything_stored
from tests.worlds import LANDING, World, hotmart

METHODS = ["get", "post", "put", "patch", "delete"]
BODY = {"name": "taken", "endpoints": [{"gateway": "hotmart", "secret": "taken"}]}


def routes(patterns: Any = None, prefix: str = "") -> Iterator[str]:
    """The API's addresses with a `<parameter>` in them, or without."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern) and path.startswith("api/v1/"):
            yield path


API = sorted(set(routes()))
WITH_ID = [route for route in API if "<" in route]
# The lists, and of which rows they show plain numbers as ids.
LISTS: dict[str, type[Model] | None] = {
    "conversions": Conversion,
    "domains": TrackingDomain,
    "drift": DriftNotice,
    "events": None,
    "funnels": None,
    "links": TrackingLink,
    "quarantine": Quarantine,
    "signing-keys": None,
}


def ids_of(world: World) -> dict[str, str]:
    """What the parameters of routes can be, of one world; the words before them tell whose id is meant."""
    with unscoped():
        merge = PersonMerge.objects.select_related("kept").get(tenant=world.tenant_id)
        event = CapiEvent.objects.get(tenant=world.tenant_id)
        kept = Quarantine.objects.get(tenant=world.tenant_id)
        match = Match.objects.get(tenant=world.tenant_id)
        comparison = Comparison.objects.get(tenant=world.tenant_id)
        endpoint = Endpoint.objects.get(tenant=world.tenant_id, gateway="hotmart")
        link = TrackingLink.objects.get(tenant=world.tenant_id)
        domain = TrackingDomain.objects.get(tenant=world.tenant_id)
        key = SigningKey.objects.get(tenant=world.tenant_id)
        session = Session.objects.filter(tenant=world.tenant_id).latest("pk")
        replay = Replay.objects.get(tenant=world.tenant_id)
        destination = world.funnel.destinations.get()
    return {
        "funnels/<uuid:pk>": str(world.funnel.pk),
        "people/<slug:person_id>": merge.kept.public_id,
        "merges/<int:pk>": str(merge.pk),
        "endpoints/<uuid:pk>": str(endpoint.pk),
        "links/<int:pk>": str(link.pk),
        "domains/<int:pk>": str(domain.pk),
        "signing-keys/<slug:key_id>": key.key_id,
        "sessions/<str:session_id>": session.public_id,
        "quarantine/<int:pk>": str(kept.pk),
        "matches/<int:pk>": str(match.pk),
        "comparisons/<uuid:pk>": str(comparison.pk),
        "events/<str:event_id>": event.event_id,
        "replay/<str:event_id>": event.event_id,
        "replays/<uuid:pk>": str(replay.pk),
        "destinations/<uuid:pk>": str(destination.pk),
    }


@pytest.fixture
def both(world: World, other_world: World) -> tuple[World, World]:
    """Two customers with the same order at the same gateway: each has an event, a new field and a broken delivery."""
    for owner in (world, other_world):
        assert owner.post_webhook({**hotmart(order_id="HP1"), "never_seen_before": 1}).status_code == 202
        assert owner.post_webhook(b"{").status_code == 202
        assert owner.post("links", {"funnel": str(owner.funnel.pk), "destination": LANDING}).status_code == 201
        assert owner.post("domains", {"host": "track.loja.example.com"}).status_code == 201
        assert owner.post("signing-keys", {"name": "server"}).status_code == 201
        assert owner.post(f"funnels/{owner.funnel.pk}/comparisons", {"days": 30}).status_code == 202
        for words in (["e1"], ["p1"], ["e1", "p1"]):
            visit(owner, *words)
            link_all()
    with unscoped():
        assert match_batch().rows == 2
        for owner in (world, other_world):
            Replay.objects.create(tenant_id=owner.tenant_id, filters={}, per_minute=60, actor="ana")
    return world, other_world


def fill(route: str, ids: dict[str, str]) -> str:
    for place, value in ids.items():
        route = route.replace(place, f"{place.partition('/')[0]}/{value}")
    assert "<" not in route, f"this test does not know what to put into {route}"
    return f"/{route}"


def test_the_walk_sees_the_api() -> None:
    assert {route.removeprefix("api/v1/") for route in API} >= {
        *("conversions", "events", "events/<str:event_id>", "replay/<str:event_id>"),
        *("funnels", "funnels/<uuid:pk>", "funnels/<uuid:pk>/publish", "schema/"),
        *("quarantine/<int:pk>", "quarantine/<int:pk>/replay", "endpoints/<uuid:pk>/rollout", "credentials/check"),
    }
    assert len(WITH_ID) >= 7


@pytest.mark.parametrize("route", WITH_ID)
def test_another_customers_thing_is_not_found_by_any_method(both: tuple[World, World], route: str) -> None:
    mine, theirs = both
    path, before = fill(route, ids_of(theirs)), everything_stored()

    for method in METHODS:
        answer = getattr(mine.client, method)(path, BODY, content_type="application/json", headers=mine.auth)

        assert answer.status_code in (404, 405), (method, path)
    assert without_key_use(everything_stored()) == without_key_use(before)


def without_key_use(rows: str) -> list[str]:
    return [row for row in rows.splitlines() if not row.startswith("tenants_apikey:")]


@pytest.mark.parametrize("route", WITH_ID)
def test_the_same_address_with_an_id_of_ones_own_is_found(both: tuple[World, World], route: str) -> None:
    """So that the test above cannot pass because of a wrong address."""
    mine, _ = both
    path = fill(route, ids_of(mine))

    statuses = [
        getattr(mine.client, method)(path, {}, content_type="application/json", headers=mine.auth).status_code
        for method in METHODS
    ]

    assert set(statuses) <= {200, 202, 204, 405, 409, 422}
    assert set(statuses) & {200, 202, 204, 409, 422}


OPEN = ("/track/", "schema", "events/batch")  # those that other tests see to


@pytest.mark.parametrize("route", [route for route in API if not any(words in route for words in OPEN)])
def test_without_a_key_nothing_is_shown(both: tuple[World, World], route: str) -> None:
    mine, _ = both
    path = fill(route, ids_of(mine))

    statuses = {
        getattr(mine.client, method)(path, {}, content_type="application/json").status_code for method in METHODS
    }

    assert statuses == {401}


def numbers_of(path: str, world: World) -> list[int]:
    model = LISTS[path]
    return list(model._base_manager.filter(tenant=world.tenant_id).values_list("pk", flat=True)) if model else []


@pytest.mark.parametrize("path", LISTS)
def test_lists_show_only_ones_own(both: tuple[World, World], path: str) -> None:
    mine, theirs = both

    listed = mine.get(path).json()["results"]

    assert len(listed) == 1
    text = json.dumps(listed)
    with unscoped():
        strange = [
            *(value for value in ids_of(theirs).values() if not value.isdecimal()),
            *(f'"id": {pk},' for pk in numbers_of(path, theirs)),
            theirs.funnel.public_key,
        ]
    assert not [word for word in strange if word in text]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("conversions", {"order_id": "HP1"}),
        ("events", {"order_id": "HP1"}),
        ("events", {"status": "pending"}),
        ("conversions", {"tenant": "other"}),
        ("conversions", {"tenant_id__isnull": "False", "ordering": "tenant"}),
        ("funnels", {"tenant": "other", "search": "x"}),
        ("quarantine", {"gateway": "hotmart", "state": "waiting"}),
        ("quarantine", {"tenant": "other", "delivery__tenant": "other"}),
        ("drift", {"tenant": "other", "gateway": "hotmart"}),
        ("links", {"tenant": "other", "funnel__tenant": "other"}),
    ],
)
def test_no_query_reaches_over(both: tuple[World, World], path: str, query: dict[str, str]) -> None:
    mine, theirs = both
    named = {name: str(theirs.tenant_id) if value == "other" else value for name, value in query.items()}

    assert len(mine.get(path, **named).json()["results"]) == 1


def test_a_thing_cannot_be_made_for_another_customer(both: tuple[World, World]) -> None:
    mine, theirs = both

    made = mine.post("funnels", {"name": "Meu", "tenant": str(theirs.tenant_id), "tenant_id": str(theirs.tenant_id)})

    with unscoped():
        assert Funnel.objects.get(pk=made.json()["id"]).tenant_id == mine.tenant_id
