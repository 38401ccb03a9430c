"""Signing keys over REST and in the console: the secret is told once, and a revoked key is nobody's."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from apps.tenants.models import SigningKey
from apps.tenants.scoping import ScopeError, tenant_scope, unscoped
from apps.tenants.services import create_signing_key, find_signing_key, note_signing_key_use, revoke_signing_key
from tests.admin.console import Console, messages_of, new_staff
from tests.worlds import World


def create(world: World, **body: Any) -> dict[str, Any]:
    answer = world.post("signing-keys", {"name": "shop", **body})
    assert answer.status_code == 201, answer.content
    made: dict[str, Any] = answer.json()
    return made


def delete(world: World, key_id: str) -> int:
    status: int = world.client.delete(f"/api/v1/signing-keys/{key_id}", headers=world.auth).status_code
    return status


def listed(world: World) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = world.get("signing-keys").json()["results"]
    return results


def row(key_id: str) -> SigningKey:
    with unscoped():
        found: SigningKey = SigningKey.objects.get(key_id=key_id)
    return found


def test_the_secret_is_told_once(world: World) -> None:
    answer = world.post("signing-keys", {"name": "shop"})

    made = answer.json()
    assert answer["Cache-Control"] == "no-store"
    assert sorted(made) == ["created_at", "key_id", "may_send_clear", "name", "secret"]
    assert made["may_send_clear"] is False
    assert len(made["secret"]) == 56
    assert len(made["key_id"]) <= 32
    assert row(made["key_id"]).secret == made["secret"]
    assert made["secret"] not in world.get("signing-keys").content.decode()
    assert sorted(listed(world)[0]) == [
        *("created_at", "key_id", "last_used_at", "may_send_clear", "name", "revoked_at"),
    ]


def test_the_secret_is_encrypted_where_it_is_kept(world: World) -> None:
    made = create(world)

    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM tenants_signingkey")
        (kept,) = cursor.fetchone()

    assert made["secret"].encode() not in bytes(kept)
    assert bytes(kept).startswith(b"gAAAAA")


def test_a_key_may_be_allowed_to_send_clear_data(world: World) -> None:
    made = create(world, may_send_clear=True)

    assert made["may_send_clear"] is True
    assert row(made["key_id"]).may_send_clear is True


def test_two_keys_live_side_by_side_until_one_is_revoked(world: World) -> None:
    old, new = create(world, name="old"), create(world, name="new")

    assert find_signing_key(old["key_id"]) is not None
    assert delete(world, old["key_id"]) == 204
    assert find_signing_key(old["key_id"]) is None
    assert find_signing_key(new["key_id"]) is not None
    assert [(key["name"], key["revoked_at"] is None) for key in listed(world)] == [("new", True), ("old", False)]


def test_revoking_twice_keeps_the_first_moment(world: World) -> None:
    key_id = create(world)["key_id"]
    delete(world, key_id)
    first = row(key_id).revoked_at

    assert delete(world, key_id) == 204
    assert first is not None
    assert row(key_id).revoked_at == first


def test_another_accounts_key_is_not_there(world: World, other_world: World) -> None:
    theirs = create(other_world)["key_id"]

    assert delete(world, theirs) == 404
    assert delete(world, "sk_unknown") == 404
    assert listed(world) == []
    assert row(theirs).revoked_at is None
    with tenant_scope(world.tenant_id):
        revoke_signing_key(row(theirs))
    assert row(theirs).revoked_at is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": None}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "x", "may_send_clear": "maybe"}, "may_send_clear"),
    ],
)
def test_what_cannot_be_made_is_named(world: World, body: dict[str, Any], field: str) -> None:
    answer = world.post("signing-keys", body)

    assert (answer.status_code, [*answer.json()["errors"]]) == (422, [field])
    assert listed(world) == []


@pytest.mark.parametrize("method", ["get", "post"])
def test_without_an_api_key_there_is_nothing(world: World, client: Client, method: str) -> None:
    answer = getattr(client, method)("/api/v1/signing-keys")

    assert answer.status_code == 401
    assert listed(world) == []


def test_a_key_belongs_to_the_account_in_scope(world: World) -> None:
    with pytest.raises(ScopeError):
        create_signing_key(name="nobody's")

    assert listed(world) == []


def test_use_is_noted_at_most_once_a_minute(world: World) -> None:
    key_id = create(world)["key_id"]
    assert row(key_id).last_used_at is None

    note_signing_key_use(row(key_id))
    first = row(key_id).last_used_at
    note_signing_key_use(row(key_id))
    second = row(key_id).last_used_at
    with unscoped():
        SigningKey.objects.update(last_used_at=timezone.now() - timedelta(minutes=2))
    note_signing_key_use(row(key_id))

    assert first is not None
    assert second == first
    assert (row(key_id).last_used_at or first) > first


def test_support_revokes_a_key_and_never_sees_its_secret(world: World) -> None:
    made = create(world)
    key = row(made["key_id"])
    support: Console = new_staff("tenants.view_signingkey", "tenants.change_signingkey", "tenants.view_tenant")

    pages = [support.list(SigningKey), support.page(key), support.page(key.tenant)]
    answer = support.act("revoke", key)

    assert [page.status_code for page in pages] == [200] * 3
    for page in pages:
        assert made["key_id"] in page.content.decode()
        assert made["secret"] not in page.content.decode()
    assert messages_of(answer) == ["Signing key revoked: 1"]
    assert find_signing_key(made["key_id"]) is None
    assert messages_of(support.act("revoke", key))[0].endswith("It was revoked before.")


def test_who_may_only_look_cannot_revoke(world: World) -> None:
    key = row(create(world)["key_id"])
    looker: Console = new_staff("tenants.view_signingkey")

    looker.act("revoke", key)

    assert 'value="revoke"' not in looker.page(key).content.decode()
    assert row(key.key_id).revoked_at is None
