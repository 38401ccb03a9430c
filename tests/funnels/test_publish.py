"""Publishing: what runs is a frozen version; the draft may differ, and says so."""

from typing import Any

import pytest

from apps.funnels.models import Funnel, FunnelVersion
from apps.funnels.selectors import FunnelConfig, draft_config, published_configs
from apps.funnels.services import publication_problems
from apps.tenants.scoping import tenant_scope, unscoped
from apps.tenants.services import NewTenant
from tests.funnels.bodies import FUNNEL
from tests.worlds import World


@pytest.fixture
def api(tenant: NewTenant) -> World:
    """An account without any funnel."""
    return World(key=tenant.api_key, tenant_id=tenant.tenant.pk, funnel=Funnel())


def make(api: World, **changes: Any) -> str:
    return str(api.post("funnels", {**FUNNEL, **changes}).json()["id"])


def publish(api: World, funnel_id: str) -> Any:
    return api.post(f"funnels/{funnel_id}/publish")


def versions() -> list[FunnelVersion]:
    with unscoped():
        return list(FunnelVersion.objects.order_by("pk"))


def test_a_complete_funnel_is_published(api: World) -> None:
    funnel_id = make(api)

    answer = publish(api, funnel_id)

    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["unpublished_changes"]) == ("published", False)
    (version,) = versions()
    assert (version.number, str(version.funnel_id), version.tenant_id) == (1, funnel_id, api.tenant_id)


def test_a_version_holds_what_decides_a_send_and_no_secret(api: World) -> None:
    publish(api, make(api))

    (version,) = versions()
    (destination,) = version.config["destinations"]
    assert version.config == {
        "landing_url": FUNNEL["landing_url"],
        "attribution_window_days": 14,
        "unknown_consent": "block",
        "event_names": {},
        "child_orders": "exclude",
        "page_events": "hybrid",
        "view_through_days": 0,
        "attribution_model": "last_click",
        "auto_threshold": 0.85,
        "review_threshold": 0.6,
        "uncertain_matches": "review",
        "review_hours": 4,
        "review_timeout": "unmatched",
        "weight_set": "",
        "destinations": [destination],
    }
    assert sorted(destination) == [
        *("api_version", "base_url", "canary_percent", "canary_version"),
        *("id", "pixel_id", "platform", "test_event_code"),
    ]
    assert "never-echoed" not in str(version.config)


def test_publishing_the_same_again_changes_nothing(api: World) -> None:
    funnel_id = make(api)
    first = publish(api, funnel_id).json()

    second = publish(api, funnel_id)

    assert (second.status_code, second.json()) == (200, first)
    assert len(versions()) == 1


CHANGES: list[tuple[dict[str, Any], bool]] = [
    ({"landing_url": "https://cursosdaana.example.com/nova"}, True),
    ({"attribution_window_days": 30}, True),
    ({"unknown_consent": "send"}, True),
    ({"event_names": {"payment_pending": ""}}, True),
    ({"child_orders": "purchase"}, True),
    ({"page_events": "server_only"}, True),
    ({"view_through_days": 3}, True),
    ({"attribution_model": "first_click"}, True),
    ({"auto_threshold": 0.9}, True),
    ({"review_threshold": 0.7}, True),
    ({"auto_threshold": 0.85, "review_threshold": 0.6}, False),
    ({"uncertain_matches": "auto"}, True),
    ({"review_hours": 48}, True),
    ({"review_timeout": "accept"}, True),
    ({"weight_set": "mine"}, False),
    ({"destinations": [{"platform": "meta", "pixel_id": "222", "access_token": "t"}]}, True),
    ({"destinations": [{"platform": "meta", "pixel_id": "1234567890", "test_event_code": "TEST2"}]}, True),
    ({"name": "Outro nome"}, False),
    ({"endpoints": [{"gateway": "stripe", "secret": "s"}]}, False),
    ({"endpoints": [{"gateway": "hotmart", "rollout": "shadow", "live_percent": 5}]}, False),
    ({"endpoints": [{"gateway": "hotmart", "credentials": {"client_id": "c"}}]}, False),
    ({"destinations": [{"platform": "meta", "pixel_id": "1234567890", "access_token": "t2"}]}, False),
]


@pytest.mark.parametrize(("change", "differs"), CHANGES, ids=str)
def test_a_draft_says_whether_it_differs_from_what_runs(api: World, change: dict[str, Any], differs: bool) -> None:
    funnel_id = make(api)
    publish(api, funnel_id)

    changed = api.patch(f"funnels/{funnel_id}", change).json()
    published = publish(api, funnel_id).json()

    assert (changed["status"], changed["unpublished_changes"]) == ("published", differs)
    assert published["unpublished_changes"] is False
    assert [version.number for version in versions()] == ([1, 2] if differs else [1])


def test_what_runs_stays_as_it_was_until_the_next_publication(api: World) -> None:
    funnel_id = make(api)
    publish(api, funnel_id)
    api.patch(f"funnels/{funnel_id}", {"attribution_window_days": 30})

    def window() -> int:
        with unscoped():
            (config,) = published_configs([Funnel.objects.get().pk]).values()
        return config.attribution_window_days

    before = window()
    publish(api, funnel_id)

    assert (before, window()) == (14, 30)


def test_going_back_to_an_older_draft_is_a_new_version(api: World) -> None:
    funnel_id = make(api)
    for days in (14, 30, 14):
        api.patch(f"funnels/{funnel_id}", {"attribution_window_days": days})
        publish(api, funnel_id)

    assert [(row.number, row.config["attribution_window_days"]) for row in versions()] == [(1, 14), (2, 30), (3, 14)]


@pytest.mark.parametrize(
    ("missing", "fields"),
    [
        ({"landing_url": ""}, ["landing_url"]),
        ({"destinations": []}, ["destinations"]),
        ({"landing_url": "", "destinations": []}, ["destinations", "landing_url"]),
    ],
)
def test_an_incomplete_funnel_is_not_published(api: World, missing: dict[str, Any], fields: list[str]) -> None:
    funnel_id = make(api, **missing)

    answer = publish(api, funnel_id)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert sorted(answer.json()["errors"]) == fields
    assert all(sentence.endswith(".") for sentence in answer.json()["errors"].values())
    assert versions() == []
    assert api.get(f"funnels/{funnel_id}").json()["status"] == "draft"


def test_a_published_funnel_that_became_incomplete_goes_on_as_it_was(api: World) -> None:
    funnel_id = make(api)
    publish(api, funnel_id)
    api.patch(f"funnels/{funnel_id}", {"landing_url": ""})

    answer = publish(api, funnel_id)

    assert answer.status_code == 422
    funnel = api.get(f"funnels/{funnel_id}").json()
    assert (funnel["status"], funnel["unpublished_changes"], len(versions())) == ("published", True, 1)


def test_a_funnel_without_an_endpoint_may_be_published(api: World) -> None:
    assert publish(api, make(api, endpoints=[])).status_code == 200


def test_only_a_published_funnel_runs(api: World) -> None:
    published, _draft = make(api), make(api, name="Rascunho")
    publish(api, published)

    with tenant_scope(api.tenant_id):
        running = published_configs(Funnel.objects.values_list("pk", flat=True))

    assert list(map(str, running)) == [published]


def test_a_version_is_read_back_as_it_was_written(api: World) -> None:
    publish(api, make(api))

    with unscoped():
        config = draft_config(Funnel.objects.get())
    assert FunnelConfig.from_json(versions()[0].config) == config
    assert publication_problems(config) == {}
