"""Many events in one request: who goes first, who comes along, and what a refused request costs the good ones."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from apps.dispatch.models import Batch, Send
from apps.dispatch.platform import Limits
from apps.dispatch.registry import PLATFORMS
from apps.dispatch.selectors import due_destinations
from apps.dispatch.services import deliver_due
from apps.funnels.models import Destination
from apps.tenants.scoping import unscoped
from tests.platforms import ACCEPT, Reply, ScriptedPlatform, graph_error
from tests.worlds import World, hotmart

BAD_VALUE = graph_error(100, 2804009)


def plan(world: World, *orders: str, **changes: Any) -> None:
    """Sales that are matched and wait to be sent."""
    for order in orders:
        world.post_webhook(hotmart(order_id=order, **changes))
    world.match()


def deliver_once() -> int:
    with unscoped():
        (destination,) = due_destinations()
        return deliver_due(destination).rows


def order_ids(body: dict[str, Any]) -> list[str]:
    return [event["custom_data"]["order_id"] for event in body["data"]]


def refuse(*bad: str, answer: Reply = BAD_VALUE) -> Any:
    """A platform that refuses every request with one of these orders in it, as a whole."""

    def judge(body: dict[str, Any]) -> Reply | None:
        return answer if set(bad) & set(order_ids(body)) else None

    return judge


def statuses() -> dict[str, tuple[str, str]]:
    with unscoped():
        rows = Send.objects.select_related("event__conversion")
        return {row.event.about.order_id: (row.status, row.reason) for row in rows}


def test_what_is_due_together_goes_in_one_request(world: World, platform: ScriptedPlatform) -> None:
    plan(world, "HP1", "HP2", "HP3")

    looked_at = deliver_once()

    assert looked_at == 3
    assert [sorted(order_ids(body)) for body in platform.received] == [["HP1", "HP2", "HP3"]]
    attempts = [world.event(order)["attempts"][0] for order in ("HP1", "HP2", "HP3")]
    assert {(attempt["batch_size"], attempt["outcome"]) for attempt in attempts} == {(3, "accepted")}
    assert len({attempt["batch_id"] for attempt in attempts}) == 1


def test_the_good_ones_of_a_refused_request_go_and_the_bad_one_is_dead(
    world: World, platform: ScriptedPlatform
) -> None:
    orders = [f"HP{number}" for number in range(9)]
    platform.judge = refuse("HP4")
    plan(world, *orders)

    deliver_once()

    accepted = dict.fromkeys(orders, ("accepted", "accepted"))
    assert statuses() == accepted | {"HP4": ("dead", "graph_100_2804009")}
    assert [attempt["next_step"] for attempt in world.event("HP4")["attempts"]][-2:] == ["split_batch", "fix_event"]
    taken = [order for body, answer in platform.answered if answer[0] == 200 for order in order_ids(body)]
    assert sorted(taken) == sorted(set(orders) - {"HP4"})
    with unscoped():
        parts = Batch.objects.filter(parent__isnull=False)
        assert parts.count() == len(platform.received) - 1
        assert not Batch.objects.filter(finished_at__isnull=True).exists()


def test_an_event_that_grew_too_old_expires_and_the_rest_goes(world: World, platform: ScriptedPlatform) -> None:
    platform.judge = refuse("HP1", answer=graph_error(100, 2804003))
    plan(world, "HP0", "HP1", "HP2")

    deliver_once()

    assert statuses()["HP1"] == ("expired", "graph_100_2804003")
    assert {statuses()[order][0] for order in ("HP0", "HP2")} == {"accepted"}


def test_a_refused_fbc_is_left_out_and_the_event_sent_once_more(world: World, platform: ScriptedPlatform) -> None:
    fbc = "fb.1.1700000000000.AbCdEf"
    ids = world.click(fbc=fbc)
    platform.judge = lambda body: (
        graph_error(100, 2804001) if any("fbc" in event["user_data"] for event in body["data"]) else None
    )
    plan(world, "HP1", sck=ids["click_id"])

    deliver_once()
    deliver_once()

    first, second = (body["data"][0]["user_data"] for body in platform.received)
    assert (first["fbc"], "fbc" in second) == (fbc, False)
    assert statuses() == {"HP1": ("accepted", "accepted")}
    assert [attempt["next_step"] for attempt in world.event("HP1")["attempts"]] == ["drop_fbc", "none"]


def test_an_event_whose_repair_does_not_help_is_dead(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [graph_error(100, 2804001)]
    plan(world, "HP1")

    deliver_once()
    deliver_once()

    assert statuses() == {"HP1": ("dead", "graph_100_2804001")}
    assert len(platform.received) == 2


def test_what_the_refused_parts_cannot_all_be_tried_in_comes_back_smaller(
    world: World, platform: ScriptedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.dispatch.halving.halve.__defaults__", (3,))
    orders = [f"HP{number:02}" for number in range(16)]
    platform.judge = refuse(*orders)
    plan(world, *orders)

    deliver_once()
    waiting = {order for order, stand in statuses().items() if stand == ("retrying", "too_many_refused")}
    platform.judge = refuse("HP00")
    world.run_stages()

    assert len(waiting) >= 12
    assert {order for order, stand in statuses().items() if stand[0] == "accepted"} >= waiting - {"HP00"}


def test_fewer_received_than_sent_is_not_a_success(world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [(200, {"events_received": 2, "messages": []})]
    plan(world, "HP1", "HP2", "HP3")

    deliver_once()
    platform.answers = [ACCEPT]
    with unscoped():
        Send.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    world.run_stages()

    assert set(statuses().values()) == {("accepted", "accepted_on_resend")}
    assert len(set(platform.event_ids)) == 3


def test_purchases_go_first_then_the_nearest_deadline_then_the_highest_value(
    world: World, platform: ScriptedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PLATFORMS["meta"], "limits", Limits(max_batch=1000, batch=1))
    plan(world, "HP0", "HP1", "HP2", "HP3", "HP4")
    soon, later = timezone.now() + timedelta(hours=1), timezone.now() + timedelta(days=5)
    stands = [
        ("HP0", 2, soon, 900),
        ("HP1", 0, later, 10),
        ("HP2", 1, soon, 10),
        ("HP3", 0, soon, 10),
        ("HP4", 0, soon, 99),
    ]
    with unscoped():
        for order, rank, deadline, value in stands:
            Send.objects.filter(event__conversion__order_id=order).update(rank=rank, deadline=deadline, value=value)

    world.run_stages()

    assert [order_ids(body) for body in platform.received] == [["HP4"], ["HP3"], ["HP1"], ["HP2"], ["HP0"]]


def test_who_failed_before_keeps_small_company(world: World, platform: ScriptedPlatform) -> None:
    orders = [f"HP{number:02}" for number in range(30)]
    plan(world, *orders)
    with unscoped():
        Send.objects.update(failures=1)

    deliver_once()

    assert len(platform.received[0]["data"]) == 200 // 8


def test_one_poison_event_does_not_stop_the_others(world: World, platform: ScriptedPlatform) -> None:
    """The platform answers 500 to every request that holds it: an outage to look at, but only ever with this one."""
    orders = [f"HP{number:02}" for number in range(12)]
    platform.judge = refuse("HP05", answer=(500, b"oops"))
    plan(world, *orders)

    for turn in range(20):
        world.run_stages()
        plan(world, f"LATER{turn:02}")
        with unscoped():
            Send.objects.filter(status="retrying").update(due_at=timezone.now() - timedelta(seconds=1))
            Send.objects.filter(event__conversion__order_id="HP05").update(deadline=later_than_all())
    world.run_stages()

    stands = statuses()
    assert stands.pop("HP05") == ("dead", "gave_up_http_500")
    assert {stand[0] for stand in stands.values()} == {"accepted"}
    assert len(stands) == 31


def later_than_all() -> Any:
    return timezone.now() + timedelta(days=30)


def test_a_destinations_requests_at_once_are_bounded(world: World, platform: ScriptedPlatform) -> None:
    plan(world, "HP1")
    with unscoped():
        destination = Destination.objects.get()
        Batch.objects.bulk_create(
            Batch(
                tenant_id=destination.tenant_id,
                destination=destination,
                size=1,
                lease_until=timezone.now() + timedelta(minutes=1),
            )
            for _turn in range(2)
        )

        assert due_destinations() == []
        assert deliver_due(destination.pk).rows == 0
    assert platform.received == []


def test_what_was_accepted_cannot_be_sent_again_whatever_the_code_does(
    world: World, platform: ScriptedPlatform
) -> None:
    plan(world, "HP1")
    deliver_once()

    with unscoped(), pytest.raises(IntegrityError, match="never sent again"), transaction.atomic():
        Send.objects.update(status="pending")

    assert statuses() == {"HP1": ("accepted", "accepted")}


def test_a_second_event_of_an_order_is_refused_by_the_database(world: World, platform: ScriptedPlatform) -> None:
    plan(world, "HP1")
    copy = """
        INSERT INTO dispatch_capievent (tenant_id, event_id, event_name, stage, conversion_id, funnel_id, event_time,
            correlation_id)
        SELECT tenant_id, %s, event_name, 'other', conversion_id, funnel_id, event_time, '' FROM dispatch_capievent
    """

    with pytest.raises(IntegrityError, match="event_name_once"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(copy, [str(uuid.uuid4())])
