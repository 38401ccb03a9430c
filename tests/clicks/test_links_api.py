"""The REST API of links and the UTM builder, as a customer calls them."""

import uuid
from typing import Any

import pytest
from django.conf import settings

from apps.clicks.models import TrackingLink
from apps.tenants.scoping import unscoped
from tests.worlds import LANDING, World

PHONE = {"User-Agent": "Mozilla/5.0 (Linux; Android 14) Chrome/130.0 Mobile Safari/537.36"}


def create(world: World, **values: Any) -> Any:
    return world.post("links", {"funnel": str(world.funnel.pk), "destination": LANDING, **values})


def links() -> int:
    with unscoped():
        return TrackingLink.objects.count()


def test_a_link_is_made_and_works(world: World) -> None:
    answer = create(world, name="Anúncio 1")

    made = answer.json()
    assert answer.status_code == 201
    assert sorted(made) == ["created_at", "destination", "funnel", "id", "is_active", "key", "name", "url"]
    assert (made["name"], made["destination"], made["is_active"]) == ("Anúncio 1", LANDING, True)
    assert made["funnel"] == str(world.funnel.pk)
    assert made["url"] == f"{settings.PUBLIC_URL}/{made['key']}"
    followed = world.client.get(f"/{made['key']}", headers=PHONE)
    assert followed.status_code == 302
    assert followed["Location"].startswith(f"{LANDING}?")


def test_links_are_listed_newest_first_and_read_one_by_one(world: World) -> None:
    first, second = create(world, name="1").json(), create(world, name="2").json()

    listed = world.get("links").json()

    assert sorted(listed) == ["next", "previous", "results"]
    assert listed["results"] == [second, first]
    assert world.get(f"links/{first['id']}").json() == first


def test_a_link_is_changed_in_part(world: World) -> None:
    made = create(world, name="1").json()

    answer = world.patch(f"links/{made['id']}", {"destination": "https://pay.hotmart.com/A1", "is_active": False})

    assert answer.status_code == 200
    assert answer.json() == {**made, "destination": "https://pay.hotmart.com/A1", "is_active": False}
    assert world.get(f"links/{made['id']}").json() == answer.json()
    assert world.client.get(f"/{made['key']}", headers=PHONE).status_code == 404


@pytest.mark.parametrize(
    "body", [{"key": "lattacker00"}, {"funnel": str(uuid.uuid4())}, {"tenant": str(uuid.uuid4())}, {}]
)
def test_what_a_link_is_cannot_be_changed(world: World, body: dict[str, str]) -> None:
    made = create(world).json()

    answer = world.patch(f"links/{made['id']}", body)

    assert (answer.status_code, answer.json()) == (200, made)


def test_a_link_is_never_removed(world: World) -> None:
    made = create(world).json()

    answer = world.client.delete(f"/api/v1/links/{made['id']}", headers=world.auth)

    assert answer.status_code == 405
    assert links() == 1


@pytest.mark.parametrize("body", [{}, {"funnel": "x"}, {"destination": ""}, {"destination": None}, {"name": "x" * 151}])
def test_what_is_missing_or_odd_is_named(world: World, body: dict[str, Any]) -> None:
    whole = {"funnel": str(world.funnel.pk), "destination": LANDING} if body else {}

    answer = world.post("links", {**whole, **body})

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert sorted(answer.json()["errors"]) == (sorted(body) or ["destination", "funnel"])
    assert links() == 0


def test_another_customers_funnel_is_none(world: World, other_world: World) -> None:
    answer = create(world, funnel=str(other_world.funnel.pk))
    unknown = create(world, funnel=str(uuid.uuid4()))

    assert [answer.status_code, unknown.status_code] == [422, 422]
    assert answer.json()["errors"] == unknown.json()["errors"]
    assert links() == 0


OPEN = [
    "//evil.com",
    "https:evil.com",
    "/\\evil.com",
    "javascript:alert(1)",
    "data:text/html,x",
    "https://cursosdaana.example.com@evil.com/",
    "https://cursosdaana.example.com.evil.com/",
    "https://cursosdaana.example.com。evil.com/",
    "https://evil.com/?https://cursosdaana.example.com",
    "https://evil.com/\r\nSet-Cookie: x=1",
    "https://evil.com",
]


@pytest.mark.parametrize("destination", OPEN)
def test_a_link_leads_to_no_host_that_was_not_meant(world: World, destination: str) -> None:
    made = create(world).json()

    answers = [create(world, destination=destination), world.patch(f"links/{made['id']}", {"destination": destination})]

    assert [answer.status_code for answer in answers] == [422, 422]
    assert [list(answer.json()["errors"]) for answer in answers] == [["destination"]] * 2
    assert world.get(f"links/{made['id']}").json() == made
    assert links() == 1


def test_a_host_may_be_chosen_by_its_name(world: World) -> None:
    destination = "https://outra.example.org/oferta"

    refused = create(world, destination=destination)
    made = create(world, destination=destination, chosen_host="outra.example.org")

    assert "outra.example.org" in refused.json()["errors"]["destination"]
    assert (made.status_code, made.json()["destination"]) == (201, destination)


@pytest.mark.parametrize("chosen", ["evil.com", "example.org", "*", ".", "", "outra.example.org.evil.com"])
def test_another_name_chooses_nothing(world: World, chosen: str) -> None:
    assert create(world, destination="https://outra.example.org/", chosen_host=chosen).status_code == 422
    assert links() == 0


@pytest.mark.parametrize("tail", ["", "?a=1", "#a"])
def test_a_link_does_not_lead_to_a_link(world: World, tail: str) -> None:
    made = create(world).json()

    answer = create(world, destination=made["url"] + tail, chosen_host="localhost")

    assert answer.status_code == 422
    assert links() == 1


def test_a_key_is_needed(world: World) -> None:
    made = create(world).json()

    answers = [world.client.get(f"/api/v1/{path}") for path in ("links", f"links/{made['id']}")]
    answers.append(world.client.post("/api/v1/links/utm", {}, content_type="application/json"))

    assert [answer.status_code for answer in answers] == [401, 401, 401]


@pytest.mark.parametrize("pk", ["0", str(2**63), "9" * 40, "-1", "1e3", "x", "l0123456789"])
def test_an_id_that_is_none_is_not_found(world: World, pk: str) -> None:
    assert world.get(f"links/{pk}").status_code == 404


def test_the_builder_writes_and_shows_what_will_be_read(world: World) -> None:
    made = create(world).json()

    answer = world.post("links/utm", {"url": made["url"], "parameters": {"src": "reels"}})

    built = answer.json()
    assert answer.status_code == 200
    assert built["url_parameters"] == (
        "utm_source=facebook&utm_campaign={{campaign.name}}%7C{{campaign.id}}&utm_medium={{adset.name}}%7C{{adset.id}}"
        "&utm_content={{ad.name}}%7C{{ad.id}}&utm_term={{placement}}&src=reels"
    )
    assert built["url"] == f"{made['url']}?{built['url_parameters']}"
    assert "{{" not in built["example"]
    assert built["reads_as"] == {
        "source": "facebook",
        "campaign": {"id": "120210000000000001", "name": "Confeitaria | Frio"},
        "adset": {"id": "120210000000000002", "name": "Lookalike 1%"},
        "ad": {"id": "120210000000000003", "name": "Video 3"},
        "placement": "Instagram_Reels",
    }
    assert links() == 1


@pytest.mark.parametrize(("style", "campaign"), [("ids", "{{campaign.id}}"), ("names", "{{campaign.name}}")])
def test_the_builder_knows_other_styles(world: World, style: str, campaign: str) -> None:
    built = world.post("links/utm", {"style": style, "source": "ig"}).json()

    assert built["url_parameters"].startswith(f"utm_source=ig&utm_campaign={campaign}&")
    assert built["url"] == ""


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"style": "fancy"}, "style"),
        ({"url": "javascript:alert(1)"}, "url"),
        ({"url": "//evil.com"}, "url"),
        ({"source": ""}, "source"),
        ({"parameters": ["x"]}, "parameters"),
        ({"parameters": {"x": "y" * 513}}, "parameters.x"),
        ({"parameters": {"x": "{{campaign_id}}"}}, "parameters.x"),
        ({"parameters": {"a&b": "x"}}, "parameters"),
        ({"parameters": {"": "x"}}, "parameters"),
    ],
)
def test_the_builder_refuses_by_name(world: World, body: dict[str, Any], field: str) -> None:
    answer = world.post("links/utm", body)

    assert (answer.status_code, list(answer.json()["errors"])) == (422, [field])
