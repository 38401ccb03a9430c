"""Alarms on the first page: what must not be overlooked, by gateway, each line leading to what it counts."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.conversions.models import Delivery, DriftNotice, Quarantine
from apps.conversions.services import note_drift
from apps.dispatch.admin import alarms
from apps.dispatch.admin.shared import Alarm
from apps.tenants.scoping import unscoped
from tests.admin.console import Console, new_staff, text_of
from tests.worlds import World, hotmart

UNREADABLE = {"version": "2.0.0", "event": "PURCHASE_APPROVED"}


def _alarms(console: Console) -> list[Alarm]:
    raised: list[Alarm] = console.client.get("/admin/").context["alarms"]
    return raised


def _lines(alarm: Alarm) -> list[str]:
    return [text.replace("\xa0", " ") for text, _address in alarm.lines]


def _keep(gateway: str, *ages: timedelta) -> None:
    """One more in quarantine for each age, as if this gateway had sent it."""
    for age in ages:
        with unscoped():
            kept: Any = Quarantine.objects.order_by("pk").last()
            delivery = kept.delivery
            delivery.pk, delivery.gateway, delivery.received_at = None, gateway, timezone.now() - age
            delivery.save()
            kept.pk, kept.delivery = None, delivery
            kept.save()


def test_a_calm_day_raises_no_alarm(console: Console, world: World) -> None:
    world.post_webhook(hotmart())

    html = console.client.get("/admin/").content.decode()

    assert _alarms(console) == []
    assert 'role="alert"' not in html


def test_deliveries_in_quarantine_raise_an_alarm_by_gateway(console: Console, world: World) -> None:
    world.post_webhook(UNREADABLE)
    _keep("kiwify", timedelta(hours=5), timedelta(minutes=20), timedelta(days=2))
    _keep("gone", timedelta(hours=1))

    (alarm,) = _alarms(console)
    html = text_of(console.client.get("/admin/"))

    assert alarm.is_urgent
    assert _lines(alarm) == [
        "Kiwify: 3, the oldest for 2 days",
        "Hotmart: 1, the oldest for under a minute",
        "gone: 1, the oldest for 1 hour",
    ]
    block = html[html.index('role="alert"') :].partition("</section>")[0]
    assert "bg-red-100" in block
    assert "Deliveries wait in quarantine" in block
    assert block.count("<li>") == 3


def test_each_line_of_an_alarm_leads_to_the_rows_that_it_counts(console: Console, world: World) -> None:
    world.post_webhook(UNREADABLE)
    _keep("kiwify", timedelta(hours=5), timedelta(minutes=20))
    note_drift(world.tenant_id, "hotmart", {("2.0.0", "a"), ("2.0.0", "b")})

    quarantine, drift = _alarms(console)

    def behind(address: str) -> int:
        return len(console.client.get(address).context["cl"].result_list)

    assert [behind(address) for _text, address in (*quarantine.lines, *drift.lines)] == [2, 1, 2]
    assert [behind(alarm.address) for alarm in (quarantine, drift)] == [3, 2]


@pytest.mark.parametrize("state", [Quarantine.State.REPLAYED, Quarantine.State.UNCONFIRMED])
def test_what_was_read_or_waits_for_the_gateway_raises_no_alarm(state: str, console: Console, world: World) -> None:
    world.post_webhook(UNREADABLE)
    with unscoped():
        Quarantine.objects.update(state=state)

    assert _alarms(console) == []


def test_new_fields_raise_a_lesser_alarm_for_a_week(console: Console, world: World) -> None:
    note_drift(world.tenant_id, "hotmart", {("2.0.0", "a"), ("2.0.0", "b")})
    with unscoped():
        DriftNotice.objects.filter(path="b").update(first_seen_at=timezone.now() - timedelta(days=3))

    (alarm,) = _alarms(console)
    assert (alarm.is_urgent, _lines(alarm)) == (False, ["Hotmart: 2, the newest for under a minute"])
    assert "bg-orange-100" in console.client.get("/admin/").content.decode()

    with unscoped():
        DriftNotice.objects.update(first_seen_at=timezone.now() - timedelta(days=8), last_seen_at=timezone.now())
    assert _alarms(console) == []


def test_alarms_follow_permissions(world: World) -> None:
    world.post_webhook(UNREADABLE)
    note_drift(world.tenant_id, "hotmart", {("2.0.0", "a")})
    names = ("view_quarantine", "view_driftnotice", "view_delivery")
    staff = [new_staff(f"conversions.{name}", email=f"{name}@example.com") for name in names]

    titles = [[alarm.title for alarm in _alarms(person)] for person in staff]

    assert titles == [["Deliveries wait in quarantine"], ["Gateways send new fields"], []]


def test_a_flood_is_not_counted_to_its_end(console: Console, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarms, "LOOKED_AT", 2)
    world.post_webhook(UNREADABLE)
    with unscoped():
        Delivery.objects.update(received_at=timezone.now() - timedelta(hours=3))
    for _turn in range(3):
        world.post_webhook(UNREADABLE)

    with CaptureQueriesContext(connection) as captured:
        (alarm,) = _alarms(console)

    read = [entry["sql"] for entry in captured if '"conversions_delivery"."received_at"' in entry["sql"]]
    assert _lines(alarm) == ["Hotmart: 2+, the oldest for 3 hours"]
    assert len(read) == 1
    assert "LIMIT 3" in read[0]
