"""Destinations of a customer's own server, and API versions on trial: what the API takes of them."""

from typing import Any

import pytest

from apps.funnels.models import Destination
from apps.funnels.selectors import DestinationConfig, FunnelConfig, draft_config, published_configs
from apps.tenants.scoping import unscoped
from tests.funnels.bodies import with_destination
from tests.worlds import PIXEL, World

OWN = {"platform": "http", "pixel_id": "loja-da-ana", "access_token": "secret-of-the-shop"}
URL = "https://shop.example.com/hubtrack?from=hub"


@pytest.fixture(autouse=True)
def _as_in_production(settings: Any) -> None:
    settings.OUTBOUND_ALLOW_LOOPBACK = False
    settings.CAPI_GATEWAY_URL = ""


def change(world: World, **members: Any) -> Any:
    return world.patch(f"funnels/{world.funnel.pk}", {"destinations": [{**OWN, **members}]})


def own_destinations() -> list[Destination]:
    with unscoped():
        return list(Destination.objects.filter(platform="http"))


def published(world: World) -> DestinationConfig:
    """The one destination that runs."""
    with unscoped():
        (destination,) = published_configs([world.funnel.pk])[world.funnel.pk].destinations
    return destination


def test_an_own_server_is_a_destination_by_its_address(world: World) -> None:
    answer = change(world, base_url=URL)

    (made,) = [item for item in answer.json()["destinations"] if item["platform"] == "http"]
    assert answer.status_code == 200
    assert (made["pixel_id"], made["base_url"], made["api_version"]) == ("loja-da-ana", URL, "")
    assert "secret-of-the-shop" not in answer.text


REFUSED = [
    ({}, "Informe o endereço"),
    ({"base_url": ""}, "Informe o endereço"),
    ({"base_url": "http://shop.example.com/hubtrack"}, "https://"),
    ({"base_url": "http://127.0.0.1:9000/"}, "https://"),
    ({"base_url": "ftp://shop.example.com/"}, "https://"),
    ({"base_url": "https://ana:senha@shop.example.com/"}, "Tire o nome e a senha"),
]


@pytest.mark.parametrize(("members", "sentence"), REFUSED)
def test_an_address_that_cannot_be_posted_to_is_refused_by_name(
    world: World, members: dict[str, Any], sentence: str
) -> None:
    answer = change(world, **members)

    errors = answer.json()["errors"]
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert list(errors) == ["destinations.base_url"]
    assert sentence in errors["destinations.base_url"]
    assert own_destinations() == []


def test_a_change_to_a_bad_address_changes_nothing(world: World) -> None:
    change(world, base_url=URL)

    answers = [change(world, base_url=bad, test_event_code="NEW") for bad in ("", "http://shop.example.com/")]

    assert [answer.status_code for answer in answers] == [422, 422]
    (kept,) = own_destinations()
    assert (kept.base_url, kept.test_event_code) == (URL, "")


def test_a_change_of_something_else_needs_no_address(world: World) -> None:
    change(world, base_url=URL)

    answer = change(world, access_token="another-secret")

    (kept,) = own_destinations()
    assert (answer.status_code, kept.base_url, kept.access_token) == (200, URL, "another-secret")


def test_the_hubs_own_gateway_needs_no_address(world: World, settings: Any) -> None:
    settings.CAPI_GATEWAY_URL = "https://gateway.example.com/"

    assert change(world).status_code == 200
    assert change(world, base_url="http://shop.example.com/").status_code == 422


@pytest.mark.parametrize(("base_url", "status"), [("http://127.0.0.1:9000/", 200), ("ftp://shop.example.com/", 422)])
def test_where_loopback_is_allowed_so_is_http(world: World, settings: Any, base_url: str, status: int) -> None:
    settings.OUTBOUND_ALLOW_LOOPBACK = True

    assert change(world, base_url=base_url).status_code == status


@pytest.mark.parametrize("platform", ["meta", "tiktok"])
@pytest.mark.parametrize("base_url", ["", "http://graph.example.com"])
def test_platforms_with_an_address_of_their_own_are_asked_for_none(world: World, platform: str, base_url: str) -> None:
    answer = world.post("funnels", with_destination(platform=platform, base_url=base_url))

    assert answer.status_code == 201


def test_a_version_on_trial_is_kept_shown_and_published(world: World) -> None:
    trial = {"platform": "meta", "pixel_id": PIXEL, "canary_version": "v27.0", "canary_percent": 5}
    path = f"funnels/{world.funnel.pk}"

    answer = world.patch(path, {"destinations": [trial]})
    before = published(world)
    world.post(f"{path}/publish")

    (shown,) = answer.json()["destinations"]
    assert (shown["canary_version"], shown["canary_percent"]) == ("v27.0", 5)
    assert answer.json()["unpublished_changes"] is True
    after = published(world)
    assert (before.canary_version, before.canary_percent) == ("", 0)
    assert (after.canary_version, after.canary_percent) == ("v27.0", 5)
    assert world.get(path).json()["unpublished_changes"] is False


def test_a_trial_is_ended_by_emptying_it(world: World) -> None:
    trial = {"platform": "meta", "pixel_id": PIXEL, "canary_version": "v27.0", "canary_percent": 100}
    path = f"funnels/{world.funnel.pk}"
    world.patch(path, {"destinations": [trial]})

    answer = world.patch(path, {"destinations": [{**trial, "canary_version": "", "canary_percent": 0}]})

    (shown,) = answer.json()["destinations"]
    assert (answer.status_code, shown["canary_version"], shown["canary_percent"]) == (200, "", 0)


def test_what_was_published_before_there_were_trials_reads_as_having_none(world: World) -> None:
    with unscoped():
        config = draft_config(world.funnel).to_json()
    for member in ("canary_version", "canary_percent"):
        config["destinations"][0].pop(member)

    (read,) = FunnelConfig.from_json(config).destinations

    assert (read.canary_version, read.canary_percent) == ("", 0)
