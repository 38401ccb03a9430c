"""A query on a customer's rows needs that customer's scope; no scope leaks into the next request or another thread."""

import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from apps.clicks.models import Session
from apps.funnels.models import Endpoint, Funnel
from apps.tenants.middleware import ScopeMiddleware
from apps.tenants.models import ApiKey, Member, Tenant, TenantOwned, User
from apps.tenants.scoping import (
    ScopeError,
    current_tenant_id,
    enter_scope,
    fresh_scope,
    tenant_scope,
    unscoped,
)
from apps.tenants.services import NewTenant
from tests.worlds import World

OWNED = [model for model in apps.get_models() if issubclass(model, TenantOwned)]
USES: list[Callable[[Any], Any]] = [
    lambda objects: objects.all(),
    lambda objects: objects.count(),
    lambda objects: objects.exists(),
    lambda objects: objects.first(),
    lambda objects: objects.filter(pk=None),
    lambda objects: objects.get(pk=None),
    lambda objects: objects.create(),
    lambda objects: objects.get_or_create(pk=None),
    lambda objects: objects.update_or_create(pk=None),
    lambda objects: objects.bulk_create([]),
    lambda objects: objects.update(pk=None),
    lambda objects: objects.aggregate(n=models.Count("pk")),
    lambda objects: objects.values_list("pk"),
    lambda objects: objects.iterator(),
    lambda objects: objects.in_bulk(),
    lambda objects: objects.select_for_update(),
    lambda objects: objects.none(),
]


def test_every_app_with_data_of_customers_is_looked_at() -> None:
    assert {model._meta.app_label for model in OWNED} >= {
        *("tenants", "funnels", "clicks", "conversions", "matching", "dispatch")
    }


def test_whatever_has_a_tenant_is_tenant_owned() -> None:
    stray = [
        model._meta.label
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if isinstance(field, models.ForeignKey) and field.related_model is Tenant and model not in OWNED
    ]

    assert stray == []


@pytest.mark.parametrize("model", OWNED, ids=lambda model: model._meta.label)
def test_no_manager_works_outside_a_scope(model: type[TenantOwned]) -> None:
    for use in USES:
        with pytest.raises(ScopeError, match=rf"{model.__name__} was queried|needs the scope of one tenant"):
            use(model.objects)


@pytest.mark.parametrize("model", OWNED, ids=lambda model: model._meta.label)
def test_a_scope_filters_by_its_tenant(model: type[TenantOwned]) -> None:
    tenant_id = uuid.uuid4()
    with tenant_scope(tenant_id):
        statement = str(model.objects.all().query)

    assert f'"tenant_id" = {tenant_id}' in statement or tenant_id.hex in statement.replace("-", "")


def test_neither_do_the_managers_of_relations(world: World) -> None:
    with pytest.raises(ScopeError):
        world.funnel.endpoints.all()
    with pytest.raises(ScopeError):
        Funnel(pk=world.funnel.pk).destinations.count()
    with unscoped():
        user = User.objects.get()
    with pytest.raises(ScopeError):
        user.memberships.exists()


def test_each_scope_sees_its_own_and_unscoped_sees_all(world: World, other_world: World) -> None:
    with tenant_scope(world.tenant_id):
        mine = set(Funnel.objects.values_list("pk", flat=True))
    with tenant_scope(other_world.tenant_id):
        theirs = set(Funnel.objects.values_list("pk", flat=True))
    with tenant_scope(uuid.uuid4()):
        nobodys = Funnel.objects.count() + Endpoint.objects.count() + ApiKey.objects.count()
    with unscoped():
        everybodys = set(Funnel.objects.values_list("pk", flat=True))

    assert (mine, theirs, nobodys) == ({world.funnel.pk}, {other_world.funnel.pk}, 0)
    assert everybodys == mine | theirs


def test_another_tenants_rows_can_be_neither_changed_nor_deleted(world: World, other_world: World) -> None:
    with tenant_scope(world.tenant_id):
        changed = Funnel.objects.filter(pk=other_world.funnel.pk).update(name="taken")
        deleted = Endpoint.objects.filter(funnel=other_world.funnel.pk).delete()

    assert (changed, deleted[0]) == (0, 0)


def test_a_scope_within_a_scope_ends_with_its_block() -> None:
    outer, inner = uuid.uuid4(), uuid.uuid4()

    with tenant_scope(outer):
        with tenant_scope(inner):
            assert current_tenant_id() == inner
        with pytest.raises(ZeroDivisionError), unscoped():
            raise ZeroDivisionError
        assert current_tenant_id() == outer
    with pytest.raises(ScopeError):
        current_tenant_id()


def test_there_is_no_one_tenant_in_the_scope_of_all() -> None:
    with unscoped(), pytest.raises(ScopeError):
        current_tenant_id()


def test_a_fresh_scope_forgets_what_was_entered_before_and_within() -> None:
    tenant_id = uuid.uuid4()

    with tenant_scope(tenant_id):
        with fresh_scope():
            with pytest.raises(ScopeError):
                current_tenant_id()
            enter_scope(uuid.uuid4())
        assert current_tenant_id() == tenant_id


def test_another_thread_starts_without_a_scope() -> None:
    seen: list[str] = []

    def look() -> None:
        try:
            seen.append(str(current_tenant_id()))
        except ScopeError:
            seen.append("none")

    with tenant_scope(uuid.uuid4()):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()

    assert seen == ["none"]


def test_what_is_created_belongs_to_the_tenant_in_scope(tenant: NewTenant) -> None:
    with tenant_scope(tenant.tenant.pk):
        funnel = Funnel.objects.create(name="Curso")

    assert funnel.tenant_id == tenant.tenant.pk


def test_with_all_tenants_in_scope_the_owner_must_be_named(tenant: NewTenant) -> None:
    with unscoped():
        with pytest.raises(ScopeError):
            Funnel.objects.create(name="Curso")
        funnel = Funnel.objects.create(name="Curso", tenant=tenant.tenant)

    assert funnel.tenant_id == tenant.tenant.pk


def test_requests_in_turn_see_each_only_their_own(world: World, other_world: World) -> None:
    client = Client()

    def listed(key: str) -> list[str]:
        answer = client.get("/api/v1/funnels", headers={"Authorization": f"Bearer {key}"})
        return [funnel["id"] for funnel in answer.json()["results"]]

    seen = [listed(key) for key in (world.key, other_world.key, world.key)]

    mine, theirs = str(world.funnel.pk), str(other_world.funnel.pk)
    assert seen == [[mine], [theirs], [mine]]
    assert client.get("/api/v1/funnels").status_code == 401
    with pytest.raises(ScopeError):
        current_tenant_id()


def test_a_request_that_fails_leaves_no_scope_behind(world: World) -> None:
    assert world.post("funnels", {"name": ""}).status_code == 422
    with pytest.raises(ScopeError):
        Session.objects.count()


@pytest.mark.parametrize(
    ("path", "user", "sees_all"),
    [
        ("/admin/", User(is_staff=True), True),
        ("/admin/funnels/funnel/", User(is_staff=True), True),
        ("/admin/", User(is_staff=False), False),
        ("/admin/", AnonymousUser(), False),
        ("/api/v1/funnels", User(is_staff=True), False),
        ("/administrator", User(is_staff=True), False),
        ("/", User(is_staff=True), False),
    ],
)
def test_only_support_in_the_admin_sees_all_tenants(path: str, user: Any, sees_all: bool) -> None:
    seen: list[bool] = []

    def view(request: HttpRequest) -> HttpResponse:
        try:
            Member.objects.all()
        except ScopeError:
            seen.append(False)
        else:
            seen.append(True)
        return HttpResponse()

    request = RequestFactory().get(path)
    request.user = user
    ScopeMiddleware(view)(request)

    assert seen == [sees_all]


def test_a_request_before_anybody_could_log_in_has_no_scope() -> None:
    def view(request: HttpRequest) -> HttpResponse:
        with pytest.raises(ScopeError):
            Member.objects.all()
        return HttpResponse(status=204)

    with tenant_scope(uuid.uuid4()):
        answer = ScopeMiddleware(view)(RequestFactory().get("/admin/"))

    assert answer.status_code == 204
