"""Accounts: made whole or not at all, their secrets shown once."""

import json
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.test import Client

from apps.core.errors import BadInput
from apps.tenants.models import ApiKey, Member, Role, Tenant, User
from apps.tenants.scoping import tenant_scope, unscoped
from apps.tenants.services import NewTenant, create_tenant, digest_of

pytestmark = pytest.mark.django_db
Capture = pytest.CaptureFixture[str]


def count() -> tuple[int, int, int, int]:
    with unscoped():
        return Tenant.objects.count(), User.objects.count(), Member.objects.count(), ApiKey.objects.count()


def run(capsys: Capture, *arguments: str) -> str:
    call_command("create_tenant", *arguments)
    return capsys.readouterr().out


def test_an_account_has_an_owner_and_a_first_key() -> None:
    made = create_tenant(name=" Cursos da Ana ", email=" Ana@Example.com ")

    assert (made.tenant.name, made.email) == ("Cursos da Ana", "ana@example.com")
    with tenant_scope(made.tenant.pk):
        member, key = Member.objects.select_related("user").get(), ApiKey.objects.get()
    assert (member.role, member.user.email, member.user.is_staff) == (Role.OWNER, "ana@example.com", False)
    assert (key.name, key.prefix, key.last_used_at, key.revoked_at) == ("first", made.api_key[:12], None, None)
    assert authenticate(username="ana@example.com", password=made.password) == member.user


def test_the_key_is_kept_as_its_hash_only() -> None:
    made = create_tenant(name="Cursos da Ana", email="ana@example.com")

    with unscoped():
        (row,) = ApiKey.objects.values()
        (user,) = User.objects.values()
    assert row["digest"] == digest_of(made.api_key)
    assert made.api_key not in str(row)
    assert made.password not in str(user)
    assert (len(made.api_key), made.api_key[:4]) == (44, "hub_")


def test_what_was_made_shows_no_secret_in_its_repr() -> None:
    made = create_tenant(name="Cursos da Ana", email="ana@example.com")

    assert not [secret for secret in (made.api_key, made.password, made.email) if secret in repr(made)]


def test_two_accounts_share_nothing() -> None:
    ana = create_tenant(name="Ana", email="ana@example.com")
    bruno = create_tenant(name="Ana", email="bruno@example.com")

    assert ana.tenant.pk != bruno.tenant.pk
    assert ana.api_key != bruno.api_key
    assert ana.password != bruno.password


def test_support_staff_can_be_made() -> None:
    create_tenant(name="Suporte", email="suporte@example.com", password="uma-senha-longa", is_staff=True)

    user = User.objects.get()
    assert (user.is_staff, user.is_superuser, user.check_password("uma-senha-longa")) == (True, True, True)


@pytest.mark.parametrize("email", ["ana@example.com", "ANA@EXAMPLE.COM", " Ana@example.com"])
def test_an_address_is_used_once(tenant: NewTenant, email: str) -> None:
    before = count()

    with pytest.raises(BadInput) as caught:
        create_tenant(name="Outra Ana", email=email)

    assert sorted(caught.value.fields) == ["email"]
    assert count() == before


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ana",
        "ana@",
        "@example.com",
        "a b@example.com",
        "ana@example",
        "a\x00@example.com",
        f"{'a' * 250}@example.com",
    ],
)
def test_what_is_no_address_is_refused(email: str) -> None:
    with pytest.raises(BadInput) as caught:
        create_tenant(name="Ana", email=email)

    assert sorted(caught.value.fields) == ["email"]
    assert count() == (0, 0, 0, 0)


@pytest.mark.parametrize("name", ["", "   ", "x" * 151])
def test_an_account_needs_a_name_of_some_length(name: str) -> None:
    with pytest.raises(BadInput) as caught:
        create_tenant(name=name, email="ana@example.com")

    assert sorted(caught.value.fields) == ["name"]
    assert count() == (0, 0, 0, 0)


def test_a_name_may_be_long_and_of_any_script() -> None:
    assert create_tenant(name="名" * 150, email="ana@example.com").tenant.name == "名" * 150


def test_the_command_prints_one_json_object(capsys: Capture, client: Client) -> None:
    printed = run(capsys, "--name", "Cursos da Ana", "--email", "ana@example.com", "--json")

    told: dict[str, Any] = json.loads(printed)
    assert list(told) == ["tenant_id", "api_key", "email", "password"]
    assert printed.count("\n") == 1
    assert told["email"] == "ana@example.com"
    assert str(Tenant.objects.get().pk) == told["tenant_id"]
    assert client.get("/api/v1/funnels", headers={"Authorization": f"Bearer {told['api_key']}"}).status_code == 200
    assert authenticate(username=told["email"], password=told["password"])


def test_without_json_it_prints_lines_for_people(capsys: Capture) -> None:
    lines = run(capsys, "--name", "Cursos da Ana", "--email", "ana@example.com").splitlines()

    assert [line.split(": ")[0] for line in lines] == ["tenant_id", "api_key", "email", "password"]
    assert all(line.split(": ")[1] for line in lines)


@pytest.mark.parametrize(("email", "words"), [("ana@example.com", "e-mail"), ("not-an-address", "ana@example.com")])
def test_the_command_says_in_a_sentence_what_is_wrong(
    tenant: NewTenant, capsys: Capture, email: str, words: str
) -> None:
    before = count()

    with pytest.raises(CommandError) as caught:
        run(capsys, "--name", "Outra Ana", "--email", email, "--json")

    assert words in str(caught.value)
    assert str(caught.value).endswith(".")
    assert capsys.readouterr().out == ""
    assert count() == before


@pytest.mark.parametrize("arguments", [[], ["--name", "Ana"], ["--email", "ana@example.com"]])
def test_the_command_needs_both(capsys: Capture, arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        run(capsys, *arguments)

    assert count() == (0, 0, 0, 0)
