"""The key in the Authorization header: who it is, when it was used, and that a revoked one is nobody."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.tenants.models import ApiKey
from apps.tenants.scoping import tenant_scope, unscoped
from apps.tenants.services import NewTenant, create_api_key, find_api_key, revoke_api_key

URL = "/api/v1/funnels"


def get(client: Client, authorization: str) -> Any:
    return client.get(URL, headers={"Authorization": authorization})


def the_key() -> ApiKey:
    with unscoped():
        found: ApiKey = ApiKey.objects.get()
    return found


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_key_opens_its_account(tenant: NewTenant, client: Client, scheme: str) -> None:
    assert get(client, f"{scheme} {tenant.api_key}").status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [
        *("", "Bearer", "Bearer ", "Bearer x", "Bearer hub_", "Basic {key}", "{key}", "Token {key}", "Bearer\t{key}"),
        *(
            "Bearer {key}x",
            "Bearer x{key}",
            "Bearer {key} {key}",
            "Bearer {upper}",
            "Bearer {prefix}",
            "Bearer {digest}",
        ),
        *("Bearer {digest}", "Bearer ação", "Bearer \x00", "Bearer " + "x" * 10_000, "Bearer ' OR 1=1 --"),
    ],
)
def test_anything_else_is_nobody(tenant: NewTenant, client: Client, authorization: str) -> None:
    row = the_key()
    parts = {"key": tenant.api_key, "upper": tenant.api_key.upper(), "prefix": row.prefix, "digest": row.digest}

    answer = get(client, authorization.format(**parts))

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == 401
    assert the_key().last_used_at is None


def test_a_key_in_the_query_or_a_cookie_is_not_looked_at(tenant: NewTenant, client: Client) -> None:
    client.cookies.load({"Authorization": f"Bearer {tenant.api_key}"})

    assert client.get(URL, {"api_key": tenant.api_key}).status_code == 401


def test_a_logged_in_browser_is_nobody_to_the_api(tenant: NewTenant, client: Client) -> None:
    assert client.login(username=tenant.email, password=tenant.password)

    assert client.get(URL).status_code == 401


def test_use_is_noted_at_most_once_a_minute(tenant: NewTenant, client: Client) -> None:
    before = timezone.now()
    get(client, f"Bearer {tenant.api_key}")
    first = the_key().last_used_at
    get(client, f"Bearer {tenant.api_key}")
    second = the_key().last_used_at
    with unscoped():
        ApiKey.objects.update(last_used_at=before - timedelta(minutes=2))
    get(client, f"Bearer {tenant.api_key}")
    third = the_key().last_used_at

    assert first
    assert third
    assert first == second
    assert before <= first <= third


def test_a_revoked_key_is_nobody_from_then_on(tenant: NewTenant, client: Client) -> None:
    assert get(client, f"Bearer {tenant.api_key}").status_code == 200

    with tenant_scope(tenant.tenant.pk):
        revoke_api_key(the_key())

    assert get(client, f"Bearer {tenant.api_key}").status_code == 401
    assert find_api_key(tenant.api_key) is None


def test_revoking_twice_keeps_the_first_moment(tenant: NewTenant) -> None:
    with tenant_scope(tenant.tenant.pk):
        revoke_api_key(the_key())
        first = the_key().revoked_at
        revoke_api_key(the_key())

    assert first is not None
    assert the_key().revoked_at == first


def test_an_account_may_have_several_keys(tenant: NewTenant, client: Client) -> None:
    with tenant_scope(tenant.tenant.pk):
        second = create_api_key(name="integration")
        revoke_api_key(ApiKey.objects.get(name="first"))

    assert get(client, f"Bearer {tenant.api_key}").status_code == 401
    assert get(client, f"Bearer {second}").status_code == 200


def test_one_account_cannot_revoke_a_key_of_another(tenant: NewTenant, other_tenant: NewTenant, client: Client) -> None:
    with unscoped():
        theirs = ApiKey.objects.get(tenant=other_tenant.tenant)
    with tenant_scope(tenant.tenant.pk):
        revoke_api_key(theirs)

    assert get(client, f"Bearer {other_tenant.api_key}").status_code == 200
