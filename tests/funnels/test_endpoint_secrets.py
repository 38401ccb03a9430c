"""What an endpoint keeps for its gateway, encrypted and never shown: credentials, and a secret where one is needed."""

from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.db import connection

from apps.funnels.models import Endpoint
from apps.funnels.selectors import credentials_of, find_endpoint
from apps.gateways.registry import ADAPTERS
from apps.tenants.scoping import unscoped
from tests.funnels.bodies import CREDENTIALS as GOOD
from tests.pipeline.database import everything_stored
from tests.platforms import ScriptedPlatform
from tests.worlds import SECRETS, World, hotmart, post_raw


def save(world: World, gateway: str = "hotmart", **values: Any) -> Any:
    return world.patch(f"funnels/{world.funnel.pk}", {"endpoints": [{"gateway": gateway, **values}]})


def endpoint_of(world: World, gateway: str = "hotmart") -> Endpoint:
    with unscoped():
        found: Endpoint = Endpoint.objects.get(tenant=world.tenant_id, gateway=gateway)
    return found


def stored(gateway: str = "hotmart") -> bytes | None:
    """The column as it lies in the database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT credentials FROM funnels_endpoint WHERE gateway = %s", [gateway])
        ((token,),) = cursor.fetchall()
    return None if token is None else bytes(token)


def test_credentials_are_kept_encrypted_and_never_shown(world: World) -> None:
    answer = save(world, credentials=GOOD)

    path = f"funnels/{world.funnel.pk}"
    shown = [answer, world.get(path), world.get("funnels"), world.post(f"{path}/publish")]
    assert [item.status_code for item in shown] == [200] * 4
    assert not [value for value in GOOD.values() for item in shown if value in item.text]
    has = {item["gateway"]: item["has_credentials"] for item in answer.json()["endpoints"]}
    assert has == {slug: slug == "hotmart" for slug in SECRETS}
    everything = everything_stored()
    assert not [value for value in GOOD.values() if value in everything or value.encode().hex() in everything]
    assert credentials_of(endpoint_of(world)) == GOOD


def test_they_work_at_once_for_the_running_endpoint(world: World) -> None:
    save(world, credentials=GOOD)

    live = find_endpoint("hotmart", world.endpoint_key())

    assert live is not None
    assert dict(live.credentials) == GOOD
    assert GOOD["basic"] not in repr(live)


def test_they_are_replaced_as_a_whole_and_removed_by_an_empty_object(world: World) -> None:
    save(world, credentials=GOOD)
    save(world, credentials={"client_id": "other"})
    replaced = credentials_of(endpoint_of(world))

    answer = save(world, credentials={})

    assert replaced == {"client_id": "other"}
    assert {item["has_credentials"] for item in answer.json()["endpoints"]} == {False}
    assert (stored(), credentials_of(endpoint_of(world))) == (None, {})


def test_a_change_that_does_not_name_them_leaves_them(world: World) -> None:
    save(world, credentials=GOOD)

    save(world, secret="another-secret", rollout="shadow")
    save(world, gateway="kiwify", credentials={"client_id": "of-kiwify"})

    assert credentials_of(endpoint_of(world)) == GOOD
    assert credentials_of(endpoint_of(world, "kiwify")) == {"client_id": "of-kiwify"}


@pytest.mark.parametrize(
    ("gateway", "credentials", "paths"),
    [
        ("hotmart", {"api_token": "x"}, ["api_token"]),
        ("hotmart", {**GOOD, "Basic": "x", "": "y"}, ["", "Basic"]),
        ("kiwify", GOOD, ["basic"]),
        ("orders", {"token": "x"}, ["token"]),
        ("hotmart", {"basic": ""}, ["basic"]),
        ("hotmart", {"basic": None}, ["basic"]),
        ("hotmart", {"basic": {}}, ["basic"]),
        ("hotmart", {"basic": "x" * 2_001}, ["basic"]),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_an_unknown_or_odd_credential_is_refused_by_name(
    world: World, gateway: str, credentials: Mapping[str, Any], paths: list[str]
) -> None:
    answer = save(world, gateway, credentials=credentials, secret="another-secret")

    assert answer.status_code == 422
    assert sorted(answer.json()["errors"]) == [f"endpoints.0.credentials.{path}" for path in paths]
    assert not [value for value in GOOD.values() if value in answer.text]
    assert (stored(gateway), endpoint_of(world, gateway).secret) == (None, SECRETS[gateway])


def test_rotating_the_keys_covers_them(world: World, settings: Any) -> None:
    save(world, credentials=GOOD)
    new = Fernet.generate_key().decode()
    settings.HUBTRACK_SECRET_KEYS = [new, *settings.HUBTRACK_SECRET_KEYS]

    call_command("rotate_secrets")

    settings.HUBTRACK_SECRET_KEYS = [new]
    assert credentials_of(endpoint_of(world)) == GOOD
    assert stored("kiwify") is None


def test_credentials_and_secrets_of_a_lost_key_stop_no_sale(world: World, platform: ScriptedPlatform) -> None:
    """What came in is matched and sent: neither needs what only the endpoint's address and API need."""
    world.post_webhook(hotmart(order_id="HP1"))
    lost = Fernet(Fernet.generate_key()).encrypt(b"{}")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE funnels_endpoint SET credentials = %s, secret = %s, previous_secret = %s", [lost] * 3)

    world.run_stages()

    assert world.event("HP1")["status"] == "accepted"


@pytest.mark.parametrize("slug", sorted(set(ADAPTERS) - {"appmax"}))
def test_a_new_endpoint_needs_a_secret_where_the_gateway_can_prove_itself(world: World, slug: str) -> None:
    with unscoped():
        Endpoint.objects.filter(gateway=slug).delete()
    made = world.post("funnels", {"name": "Novo", "endpoints": [{"gateway": slug}]})
    bare, switched = save(world, slug), save(world, slug, rollout="shadow")

    assert [answer.status_code for answer in (made, bare, switched)] == [422] * 3
    assert [list(answer.json()["errors"]) for answer in (made, bare, switched)] == [
        ["endpoints.0.secret"],
        ["endpoints.0.secret"],
        ["endpoints.secret"],
    ]
    with unscoped():
        assert not Endpoint.objects.filter(gateway=slug).exists()


def test_a_gateway_that_signs_nothing_needs_none_and_says_so(world: World, settings: Any) -> None:
    made = world.post("funnels", {"name": "Novo", "endpoints": [{"gateway": "appmax"}]})

    assert made.status_code == 201
    (endpoint,) = made.json()["endpoints"]
    assert (endpoint["gateway"], endpoint["authentication"]) == ("appmax", "none")
    path = endpoint["webhook_url"].removeprefix(settings.PUBLIC_URL)
    answer = post_raw(path, b'{"event": "OrderApproved"}', {"content-type": "application/json"})
    assert (answer.status_code, answer.json()["status"]) == (202, "quarantined")
    assert post_raw(f"{path[:-1]}?", b"{}", {}).status_code == 404, "its address is its secret"
