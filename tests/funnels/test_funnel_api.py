"""The REST contract of funnels: made, read, changed; secrets and tokens go in and never come out."""

import json
from typing import Any

import pytest
from django.conf import settings

from apps.funnels.models import Destination, Endpoint, Funnel
from apps.tenants.scoping import tenant_scope, unscoped
from apps.tenants.services import NewTenant
from tests.funnels.bodies import FUNNEL, SECRET, TOKEN, WRITABLE
from tests.worlds import World

MEMBERS = [
    *("id", "name", "public_key", "status", "unpublished_changes", "landing_url", "attribution_window_days"),
    *("unknown_consent", "event_names", "child_orders", "page_events", "view_through_days", "attribution_model"),
    *("auto_threshold", "review_threshold", "uncertain_matches", "review_hours", "review_timeout", "weight_set"),
    *("endpoints", "destinations", "created_at", "updated_at"),
]


@pytest.fixture
def api(tenant: NewTenant) -> World:
    """An account without any funnel."""
    return World(key=tenant.api_key, tenant_id=tenant.tenant.pk, funnel=Funnel())


def make(api: World, **changes: Any) -> dict[str, Any]:
    answer = api.post("funnels", {**FUNNEL, **changes})
    assert answer.status_code == 201, answer.content
    made: dict[str, Any] = answer.json()
    return made


def endpoint(funnel: dict[str, Any]) -> Endpoint:
    with unscoped():
        found: Endpoint = Endpoint.objects.get(funnel=funnel["id"], gateway="hotmart")
    return found


def destination(funnel: dict[str, Any], pixel_id: str = "1234567890") -> Destination:
    with unscoped():
        found: Destination = Destination.objects.get(funnel=funnel["id"], platform="meta", pixel_id=pixel_id)
    return found


def test_a_funnel_is_made_with_all_its_parts(api: World) -> None:
    made = make(api)

    assert sorted(made) == sorted(MEMBERS)
    assert {name: made[name] for name in WRITABLE} == {name: FUNNEL[name] for name in WRITABLE}
    assert (made["status"], made["unpublished_changes"]) == ("draft", True)
    assert made["public_key"].startswith("pk_")
    (hotmart,) = made["endpoints"]
    key = endpoint(made).key
    assert hotmart == {
        "id": str(endpoint(made).pk),
        "gateway": "hotmart",
        "authentication": "static_token",
        "has_credentials": False,
        "rollout": "live",
        "live_percent": 100,
        "candidate": "off",
        "webhook_url": f"{settings.PUBLIC_URL}/api/v1/webhooks/hotmart/{key}",
    }
    assert (len(key), key.isalnum()) == (32, True)
    (meta,) = made["destinations"]
    assert {name: meta[name] for name in ("platform", "pixel_id", "test_event_code", "api_version", "base_url")} == {
        "platform": "meta",
        "pixel_id": "1234567890",
        "test_event_code": "TEST1",
        "api_version": "v26.0",
        "base_url": "https://graph.example.com",
    }
    assert (endpoint(made).secret, destination(made).access_token) == (SECRET, TOKEN)


def test_a_name_is_enough_to_begin(api: World) -> None:
    answer = api.post("funnels", {"name": "Curso"})

    made = answer.json()
    assert answer.status_code == 201
    assert {name: made[name] for name in (*WRITABLE, "endpoints", "destinations")} == {
        "name": "Curso",
        "landing_url": "",
        "attribution_window_days": 7,
        "unknown_consent": "send",
        "endpoints": [],
        "destinations": [],
    }


def test_a_funnel_can_be_read_again(api: World) -> None:
    made = make(api)

    assert api.get(f"funnels/{made['id']}").json() == made
    assert api.get("funnels").json() == {"next": None, "previous": None, "results": [made]}


def test_no_answer_holds_a_secret_or_token(api: World) -> None:
    made = make(api)
    path = f"funnels/{made['id']}"
    change = {
        "endpoints": [{"gateway": "hotmart", "secret": f"{SECRET}-2"}],
        "destinations": [{"platform": "meta", "pixel_id": "1234567890", "access_token": f"{TOKEN}-2"}],
    }
    answers = [
        *(api.patch(path, change), api.get(path), api.get("funnels"), api.post(f"{path}/publish")),
        *(api.post("funnels", {**FUNNEL, "name": ""}), api.patch(path, {**change, "name": []})),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 422, 422]
    assert not [
        answer for answer in [json.dumps(made), *(answer.text for answer in answers)] if "never-echoed" in answer
    ]


@pytest.mark.parametrize("name", WRITABLE)
def test_one_member_can_be_changed_alone(api: World, name: str) -> None:
    made = make(api)
    new = {"name": "Novo", "landing_url": "", "attribution_window_days": 1, "unknown_consent": "send"}[name]

    changed = api.patch(f"funnels/{made['id']}", {name: new}).json()

    assert changed == {**made, name: new, "updated_at": changed["updated_at"]}
    assert changed["updated_at"] > made["updated_at"]


def test_nothing_changed_is_no_error(api: World) -> None:
    made = make(api)

    changed = api.patch(f"funnels/{made['id']}", {})

    assert changed.status_code == 200
    assert changed.json() == {**made, "updated_at": changed.json()["updated_at"]}


def test_what_the_hub_decides_is_not_the_callers_to_set(api: World, other_tenant: NewTenant) -> None:
    forged = {
        "id": "00000000-0000-0000-0000-000000000000",
        "public_key": "pk_mine",
        "tenant": str(other_tenant.tenant.pk),
        "tenant_id": str(other_tenant.tenant.pk),
        "status": "published",
        "published": 1,
        "published_id": 1,
        "created_at": "1970-01-01T00:00:00Z",
        "is_staff": True,
    }
    made = make(api, **forged, endpoints=[{"gateway": "hotmart", "secret": "s", "key": "mine", "id": "mine"}])
    changed = api.patch(f"funnels/{made['id']}", forged).json()

    for funnel in (made, changed):
        assert not [name for name in ("id", "public_key", "status", "created_at") if funnel[name] == forged[name]]
    assert (endpoint(made).key == "mine", endpoint(made).rollout) == (False, "live")
    with tenant_scope(other_tenant.tenant.pk):
        assert Funnel.objects.count() == 0


def test_endpoints_merge_by_gateway(api: World) -> None:
    made = make(api)
    url = made["endpoints"][0]["webhook_url"]

    changed = api.patch(f"funnels/{made['id']}", {"endpoints": [{"gateway": "stripe", "secret": "whsec_1"}]}).json()
    again = api.patch(f"funnels/{made['id']}", {"endpoints": [{"gateway": "hotmart", "secret": "new"}]}).json()

    assert sorted(item["gateway"] for item in changed["endpoints"]) == ["hotmart", "stripe"]
    assert url in [item["webhook_url"] for item in again["endpoints"]], "the address stays"
    assert (endpoint(made).secret, endpoint(made).previous_secret) == ("new", SECRET)


def test_the_same_secret_again_keeps_the_one_before(api: World) -> None:
    made = make(api)
    for secret in ("new", "new"):
        api.patch(f"funnels/{made['id']}", {"endpoints": [{"gateway": "hotmart", "secret": secret}]})

    assert (endpoint(made).secret, endpoint(made).previous_secret) == ("new", SECRET)


def test_destinations_merge_by_platform_and_pixel(api: World) -> None:
    made = make(api)
    before = destination(made)
    additions = [
        {"platform": "meta", "pixel_id": "1234567890", "test_event_code": ""},
        {"platform": "meta", "pixel_id": "222", "access_token": "t2"},
        {"platform": "tiktok", "pixel_id": "1234567890", "access_token": "t3"},
    ]

    changed = api.patch(f"funnels/{made['id']}", {"destinations": additions}).json()

    assert [(item["platform"], item["pixel_id"], item["test_event_code"]) for item in changed["destinations"]] == [
        ("meta", "1234567890", ""),
        ("meta", "222", ""),
        ("tiktok", "1234567890", ""),
    ]
    after = destination(made)
    assert (after.pk, after.access_token, after.api_version) == (before.pk, TOKEN, "v26.0")
    assert after.token_saved_at == before.token_saved_at, "no token came, so none is new"


def test_parts_are_shown_in_the_order_they_were_made_in(api: World) -> None:
    made = make(api)
    for gateway in ("stripe", "kiwify"):
        api.patch(f"funnels/{made['id']}", {"endpoints": [{"gateway": gateway, "secret": "s"}]})
        api.patch(
            f"funnels/{made['id']}",
            {"destinations": [{"platform": "meta", "pixel_id": gateway, "access_token": "t"}]},
        )
    # An update moves a row to the end of its table.
    change = {"endpoints": [{"gateway": "hotmart", "secret": "new"}], "destinations": FUNNEL["destinations"]}
    changed = api.patch(f"funnels/{made['id']}", change).json()

    listed = api.get("funnels").json()["results"][0]
    for funnel in (changed, listed, api.get(f"funnels/{made['id']}").json()):
        assert [item["gateway"] for item in funnel["endpoints"]] == ["hotmart", "stripe", "kiwify"]
        assert [item["pixel_id"] for item in funnel["destinations"]] == ["1234567890", "stripe", "kiwify"]


@pytest.mark.parametrize("token", ["another", TOKEN])
def test_a_token_that_is_saved_counts_as_new_from_that_moment(api: World, token: str) -> None:
    made = make(api)
    before = destination(made)
    change = {"platform": "meta", "pixel_id": "1234567890", "access_token": token}

    api.patch(f"funnels/{made['id']}", {"destinations": [change]})

    after = destination(made)
    assert (after.access_token, after.test_event_code) == (token, "TEST1")
    assert after.token_saved_at > before.token_saved_at


def test_a_new_token_needs_no_publication(api: World) -> None:
    made = make(api)
    api.post(f"funnels/{made['id']}/publish")

    changed = api.patch(
        f"funnels/{made['id']}",
        {"destinations": [{"platform": "meta", "pixel_id": "1234567890", "access_token": "another"}]},
    ).json()

    assert (changed["status"], changed["unpublished_changes"]) == ("published", False)


def test_a_change_that_fails_half_way_changes_nothing(api: World) -> None:
    made = make(api)
    change = {
        "name": "Novo",
        "endpoints": [{"gateway": "stripe", "secret": "whsec_1"}],
        "destinations": [{"platform": "meta", "pixel_id": "333"}],
    }

    answer = api.patch(f"funnels/{made['id']}", change)

    assert answer.status_code == 422
    assert answer.json()["errors"].keys() == {"destinations.access_token"}
    assert api.get(f"funnels/{made['id']}").json() == made


def test_lists_are_newest_first(api: World) -> None:
    ids = [make(api, name=f"Curso {number}")["id"] for number in range(3)]

    assert [funnel["id"] for funnel in api.get("funnels").json()["results"]] == ids[::-1]


def test_pages_can_be_followed_to_the_end_and_back(api: World) -> None:
    ids = [make(api, name=f"Curso {number}")["id"] for number in range(5)]
    pages, url = [], "/api/v1/funnels?page_size=2"
    while url:
        page = api.client.get(url, headers=api.auth).json()
        assert sorted(page) == ["next", "previous", "results"]
        pages.append([funnel["id"] for funnel in page["results"]])
        url, back = page["next"], page["previous"]

    assert pages == [ids[:2:-1], ids[2:0:-1], ids[:1]]
    assert [funnel["id"] for funnel in api.client.get(back, headers=api.auth).json()["results"]] == pages[1]


@pytest.mark.parametrize(
    ("size", "shown"),
    [("1", 1), ("3", 3), ("200", 3), ("1000000000", 3), ("0", 3), ("-1", 3), ("abc", 3), ("9" * 5_000, 3)],
)
def test_a_page_has_a_size_within_limits(api: World, size: str, shown: int) -> None:
    for number in range(3):
        make(api, name=f"Curso {number}")

    answer = api.get("funnels", page_size=size)

    assert (answer.status_code, len(answer.json()["results"])) == (200, shown)


def test_no_page_has_more_than_200(api: World) -> None:
    with tenant_scope(api.tenant_id):
        Funnel.objects.bulk_create([Funnel(name=str(n), tenant_id=api.tenant_id) for n in range(201)])

    assert [len(api.get("funnels", page_size=size).json()["results"]) for size in ("201", "200", "x")] == [200, 200, 50]
