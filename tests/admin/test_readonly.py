"""What the hub wrote, nobody rewrites: not by form, not by address, not by action."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db.models import Model
from django.forms.models import model_to_dict

from apps.clicks.models import Click, Identity, PageEvent, Person, PersonMerge, Session
from apps.conversions.models import AdapterComparison, Conversion, Delivery, DriftNotice, Quarantine
from apps.dispatch.models import Attempt, CapiEvent, Send
from apps.funnels.models import Destination, Endpoint, Funnel, FunnelVersion, RolloutChange
from apps.matching.models import Match
from apps.sandbox.models import FirstReceipt, ReceivedEvent, ReceivedRequest
from apps.tenants.models import ApiKey, Tenant, User
from apps.tenants.scoping import unscoped
from tests.admin.console import Console, address

WRITTEN_BY_THE_HUB = (
    *(Delivery, Quarantine, Conversion, Match, CapiEvent, Send, Attempt, Click, Session, PageEvent),
    *(DriftNotice, AdapterComparison, RolloutChange),
    *(Person, Identity, PersonMerge),
    *(FunnelVersion, ReceivedRequest, ReceivedEvent, FirstReceipt, ApiKey, LogEntry, Permission),
)
KEPT_FOR_EVER = (Tenant, User, Funnel, Endpoint, Destination)


def _last(model: type[Model]) -> Any:
    with unscoped():
        return model._default_manager.order_by("pk").last()


def _rows(model: type[Model]) -> list[dict[str, Any]]:
    with unscoped():
        return [model_to_dict(row) for row in model._default_manager.order_by("pk")]


@pytest.mark.parametrize("model", WRITTEN_BY_THE_HUB, ids=lambda model: model._meta.label)
def test_a_record_cannot_be_added_changed_or_deleted(
    model: type[Model], console: Console, story: dict[str, str]
) -> None:
    row, before = _last(model), _rows(model)
    values = dict.fromkeys(before[0], "1")

    refused = [
        console.client.get(address(model, "add")),
        console.client.post(address(model, "add"), values),
        console.client.post(address(row, "change"), values),
        console.client.get(address(row, "delete")),
        console.client.post(address(row, "delete"), {"post": "yes"}),
    ]

    assert [answer.status_code for answer in refused] == [403] * 5
    assert _rows(model) == before


@pytest.mark.parametrize("model", WRITTEN_BY_THE_HUB, ids=lambda model: model._meta.label)
def test_a_record_s_page_has_nothing_to_fill_in(model: type[Model], console: Console, story: dict[str, str]) -> None:
    html = console.page(_last(model)).content.decode()

    assert 'name="_save"' not in html
    assert "<textarea" not in html
    assert 'type="text"' not in html


@pytest.mark.parametrize("model", [*WRITTEN_BY_THE_HUB, *KEPT_FOR_EVER], ids=lambda model: model._meta.label)
def test_no_list_offers_or_takes_a_deletion(model: type[Model], console: Console, story: dict[str, str]) -> None:
    row, before = _last(model), _rows(model)

    answer = console.act("delete_selected", row)
    console.client.post(
        address(model, "changelist"),
        {"action": "delete_selected", "_selected_action": [str(row.pk)], "post": "yes"},
    )

    assert 'value="delete_selected"' not in answer.content.decode()
    assert _rows(model) == before


@pytest.mark.parametrize("model", KEPT_FOR_EVER, ids=lambda model: model._meta.label)
def test_what_orders_point_to_is_never_deleted(model: type[Model], console: Console, story: dict[str, str]) -> None:
    before = _rows(model)

    answer = console.client.post(address(_last(model), "delete"), {"post": "yes"})

    assert answer.status_code == 403
    assert _rows(model) == before


def test_a_tenant_is_made_by_the_command_only(console: Console) -> None:
    answer = console.client.post(address(Tenant, "add"), {"name": "No owner"})

    assert answer.status_code == 403
    assert not Tenant.objects.exists()


def test_only_people_s_own_rows_can_be_edited() -> None:
    editable = {
        model._meta.label
        for model, page in admin.site._registry.items()
        if type(page).has_change_permission.__qualname__ != "RecordAdmin.has_change_permission"
    }

    assert editable == {
        "auth.Group",
        *("django_celery_beat.ClockedSchedule", "django_celery_beat.CrontabSchedule"),
        *("django_celery_beat.IntervalSchedule", "django_celery_beat.PeriodicTask", "django_celery_beat.SolarSchedule"),
        *("funnels.Destination", "funnels.Endpoint", "funnels.Funnel"),
        *("tenants.Member", "tenants.Tenant", "tenants.User"),
    }
