"""The console's form of a destination: addresses of customers' own servers, and API versions on trial."""

from typing import Any

import pytest

from apps.funnels.models import Destination
from apps.tenants.scoping import unscoped
from tests.admin.console import Console, errors_of
from tests.worlds import World

URL = "https://shop.example.com/hubtrack"


@pytest.fixture(autouse=True)
def _as_in_production(settings: Any) -> None:
    settings.OUTBOUND_ALLOW_LOOPBACK = False
    settings.CAPI_GATEWAY_URL = ""


def own_destinations() -> list[Destination]:
    with unscoped():
        return list(Destination.objects.filter(platform="http"))


@pytest.fixture
def own(world: World) -> Destination:
    """Ana's own server."""
    values = {"platform": "http", "pixel_id": "loja-da-ana", "access_token": "s", "base_url": URL}
    assert world.patch(f"funnels/{world.funnel.pk}", {"destinations": [values]}).status_code == 200
    (destination,) = own_destinations()
    return destination


FORM = {
    "new_secret": "",
    "test_event_code": "",
    "api_version": "",
    "base_url": "",
    "canary_version": "",
    "canary_percent": "0",
}


def test_a_trial_is_saved(console: Console, world: World) -> None:
    with unscoped():
        destination = world.funnel.destinations.get()

    console.save(destination, **FORM | {"canary_version": "v27.0", "canary_percent": "10"})

    with unscoped():
        saved = world.funnel.destinations.get()
    assert (saved.canary_version, saved.canary_percent) == ("v27.0", 10)


@pytest.mark.parametrize(
    ("member", "value", "error"),
    [
        ("canary_version", "27", "Write it as v26.0."),
        ("canary_percent", "101", "Ensure this value is less than or equal to 100."),
    ],
)
def test_a_trial_that_makes_no_sense_is_refused(
    console: Console, world: World, member: str, value: str, error: str
) -> None:
    with unscoped():
        destination = world.funnel.destinations.get()

    errors = errors_of(console.save(destination, **FORM | {member: value}))

    assert errors == {member: [error]}


@pytest.mark.parametrize("address", ["", "http://shop.example.com/", "https://ana:senha@shop.example.com/"])
def test_an_address_that_cannot_be_posted_to_is_refused(console: Console, world: World, address: str) -> None:
    values = {**FORM, "funnel": str(world.funnel.pk), "platform": "http", "pixel_id": "loja"}

    errors = errors_of(console.save(Destination, **values | {"new_secret": "s", "base_url": address}))

    assert list(errors) == ["base_url"]
    assert own_destinations() == []


def test_a_destination_does_not_lose_its_address(console: Console, own: Destination) -> None:
    errors = errors_of(console.save(own, **FORM))

    assert list(errors) == ["base_url"]
    assert own_destinations()[0].base_url == URL


def test_an_address_that_is_none_is_called_so_and_no_more(console: Console, own: Destination) -> None:
    errors = errors_of(console.save(own, **FORM | {"base_url": "not an address"}))

    assert {name: len(found) for name, found in errors.items()} == {"base_url": 1}
