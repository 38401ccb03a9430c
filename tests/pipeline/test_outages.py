"""Outages of a minute to eight days: the real services and database, a real platform over HTTP, and time that passes.

What the platform took is judged by its own record, not by the hub's tables.
"""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.dispatch.breaker import FIRST_ALLOWANCE
from apps.dispatch.models import BreakerChange, Send
from apps.dispatch.selectors import due_destinations
from apps.dispatch.services import deliver_due, expire_overdue, release_parked
from apps.funnels.services import publish_funnel
from apps.tenants.scoping import tenant_scope, unscoped
from tests.clock import advance
from tests.platforms import ACCEPT, Reply, ScriptedPlatform, graph_error
from tests.worlds import PIXEL, World, hotmart

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
PIXELS = (PIXEL, "223456789012345", "323456789012345")
DOWN: Reply = (500, b"")
HTML: Reply = (502, b"<html>bad gateway</html>")
LOST: Reply = (200, b'{"events_rec')
TOO_MANY = graph_error(4)
DEADLINE = timedelta(days=7) - HOUR
# Longer than any breaker waits for its next probe.
PROBE = timedelta(minutes=6, seconds=1)


@pytest.fixture
def hub(world: World, platform: ScriptedPlatform) -> "Hub":
    """Ana's funnel with three pixels."""
    with tenant_scope(world.tenant_id):
        rows = [{"platform": "meta", "pixel_id": pixel, "access_token": f"token-{pixel}"} for pixel in PIXELS]
        assert world.patch(f"funnels/{world.funnel.pk}", {"destinations": rows}).status_code == 200
        publish_funnel(world.funnel)
    return Hub(world, platform)


class Hub:
    """The hub at work, a platform that fails when it is told to, and the platform's record."""

    def __init__(self, world: World, platform: ScriptedPlatform) -> None:
        self.world = world
        self.platform = platform
        self.sold: list[str] = []

    def sell(self, number: int = 1) -> list[str]:
        """That many sales, matched and planned."""
        orders = [f"HP{len(self.sold) + place:04}" for place in range(number)]
        for order in orders:
            self.world.post_webhook(hotmart(order_id=order, email=f"{order.lower()}@example.com"))
        self.world.match()
        self.sold += orders
        return orders

    def work(self) -> int:
        """What relay and workers do until nothing more can be sent now; how many requests were made."""
        made = len(self.platform.received)
        with unscoped():
            release_parked()
            expire_overdue()
            while sum(deliver_due(destination).rows for destination in due_destinations()):
                pass
        return len(self.platform.received) - made

    def go_down(self, answer: Reply = DOWN) -> None:
        self.platform.answers = [answer]

    def come_back(self) -> None:
        self.platform.answers = [ACCEPT]

    def wait(self, delta: timedelta, *, looks: int = 1, sales: int = 0) -> None:
        """Let time pass in `looks` equal parts, with as many sales in each, and work after each."""
        for _ in range(looks):
            self.sell(sales)
            self.work()
            advance(delta / looks)
        self.work()

    def recover(self) -> None:
        """The platform is well, and the hub has time to find out."""
        self.come_back()
        for _ in range(4):
            advance(PROBE)
            self.work()

    @property
    def taken(self) -> Counter[tuple[str, str]]:
        """The platform's record: how often it took which event at which pixel."""
        made = zip(self.platform.paths, self.platform.answered, strict=True)
        return Counter(
            (path.split("/")[2], event["event_id"])
            for path, (body, (status, answer)) in made
            if (status, answer) in (ACCEPT, LOST)
            for event in body["data"]
        )

    def sizes_of_work(self) -> dict[str, list[int]]:
        """Work, and how many events each request held, pixel by pixel."""
        before = len(self.platform.received)
        self.work()
        sizes: dict[str, list[int]] = {}
        made = zip(self.platform.paths[before:], self.platform.received[before:], strict=True)
        for path, body in made:
            sizes.setdefault(path.split("/")[2], []).append(len(body["data"]))
        return sizes

    def fates(self) -> Counter[tuple[str, str]]:
        with unscoped():
            return Counter(Send.objects.values_list("status", "reason"))

    def story(self, **filters: Any) -> list[str]:
        with unscoped():
            return list(BreakerChange.objects.filter(**filters).order_by("pk").values_list("what", flat=True))


@pytest.mark.parametrize(
    ("length", "looks", "sales"),
    [(MINUTE, 4, 5), (2 * HOUR, 10, 2), (DAY, 10, 2), (timedelta(days=6.9), 10, 2)],
    ids=["1 min", "2 h", "24 h", "6.9 d"],
)
@pytest.mark.parametrize("answer", [DOWN, HTML, TOO_MANY], ids=["500", "html", "throttled"])
def test_after_an_outage_everything_arrives_exactly_once(
    hub: Hub, answer: Reply, length: timedelta, looks: int, sales: int
) -> None:
    hub.sell(2)
    hub.work()
    hub.go_down(answer)

    hub.wait(length, looks=looks, sales=sales)
    hub.recover()

    assert len(hub.sold) == 2 + looks * sales
    assert set(hub.fates()) <= {("accepted", "accepted"), ("accepted", "accepted_on_resend")}
    assert len(hub.taken) == len(hub.sold) * len(PIXELS)
    assert set(hub.taken.values()) == {1}
    with unscoped():
        assert not Send.objects.filter(strikes__gt=1).exists()


def test_of_an_outage_of_eight_days_exactly_what_is_too_old_expires(hub: Hub) -> None:
    hub.go_down()
    too_old = hub.sell(5)
    hub.work()
    advance(23 * HOUR)
    just_too_old = hub.sell(3)
    hub.work()
    advance(3 * HOUR)
    in_time = hub.sell(7)
    hub.work()
    hub.wait(8 * DAY - 26 * HOUR - PROBE, looks=6, sales=1)

    hub.recover()

    with unscoped():
        rows = list(Send.objects.values_list("event__conversion__order_id", "status", "reason"))
    expired = {order for order, status, _reason in rows if status == "expired"}
    assert expired == {*too_old, *just_too_old}
    assert {reason for _order, status, reason in rows if status == "expired"} == {"expired_platform_down"}
    assert Counter(status for _order, status, _reason in rows) == {"expired": 8 * 3, "accepted": 13 * 3}
    assert {order for order, status, _reason in rows if status == "accepted"} >= set(in_time)
    assert len(hub.taken) == 13 * 3
    assert set(hub.taken.values()) == {1}


def test_an_answer_that_was_lost_is_asked_for_again_while_copies_are_dropped(hub: Hub) -> None:
    hub.go_down(LOST)
    hub.sell(6)

    hub.wait(2 * HOUR, looks=6)
    hub.recover()

    assert sum(hub.fates().values()) == 18
    assert hub.fates()["accepted", "accepted_on_resend"] >= 3
    assert {status for status, _reason in hub.fates()} == {"accepted"}
    assert len(hub.taken) == 18
    assert max(hub.taken.values()) > 1


def test_what_may_have_arrived_two_days_ago_is_not_sent_blindly(hub: Hub) -> None:
    """A copy would by then count as a second sale."""
    hub.go_down(LOST)
    hub.sell(1)
    hub.work()
    advance(48 * HOUR)

    hub.recover()

    assert hub.fates() == {("dead", "unknown_outcome"): 3}


def test_a_breaker_opens_probes_and_closes_and_says_so(hub: Hub) -> None:
    hub.go_down()
    hub.sell(8)

    for seconds in (0, 2, 3, 5, 9, 17):
        advance(timedelta(seconds=seconds))
        hub.work()
    opened = hub.story()
    advance(timedelta(seconds=15))
    in_between = hub.work()
    hub.recover()

    assert "open" in opened
    assert "closed" not in opened
    assert in_between == 0
    for platform_only in (True, False):
        told = hub.story(destination__isnull=platform_only)
        assert told == [] or told[-1] == "closed"
    assert hub.story(destination__isnull=True)[:3] == ["open", "half_open", "closed"]


def test_while_the_platform_is_down_it_is_asked_about_once_a_minute(hub: Hub) -> None:
    hub.go_down()
    hub.sell(10)
    for _ in range(12):
        advance(timedelta(seconds=20))
        hub.work()
    before = len(hub.platform.received)

    for _ in range(30):
        hub.sell(1)
        advance(MINUTE)
        hub.work()

    probes = hub.platform.received[before:]
    assert 10 <= len(probes) <= 30
    assert {len(body["data"]) for body in probes} == {1}


def test_a_destination_that_was_down_is_sent_ten_events_then_twenty(hub: Hub) -> None:
    bad = f"/{PIXELS[1]}/"
    hub.platform.judge_path = lambda path: DOWN if bad in path else None
    hub.sell(5)
    for _ in range(6):
        advance(timedelta(seconds=20))
        hub.work()
    hub.sell(55)
    hub.platform.judge_path = None
    advance(PROBE)

    sizes = hub.sizes_of_work()

    assert hub.story(destination__isnull=True) == []
    assert sizes[PIXELS[1]] == [1, FIRST_ALLOWANCE, 2 * FIRST_ALLOWANCE, 60 - 1 - 3 * FIRST_ALLOWANCE]
    assert sizes[PIXELS[0]] == [55]


def test_after_a_platforms_outage_the_first_minute_has_few_requests(hub: Hub) -> None:
    """What failed a few times is sent in little company, which is all that multiplies requests."""
    hub.go_down()
    hub.sell(30)
    for _ in range(20):
        advance(timedelta(seconds=75))
        hub.work()
    hub.sell(30)
    hub.come_back()
    advance(PROBE)

    sizes = hub.sizes_of_work()

    assert {pixel: sum(parts) for pixel, parts in sizes.items()} == dict.fromkeys(PIXELS, 60)
    assert sum(len(parts) for parts in sizes.values()) <= len(PIXELS) * 60 / 3


def test_one_pixel_that_is_down_delays_no_other(hub: Hub) -> None:
    bad = f"/{PIXELS[1]}/"
    hub.platform.judge_path = lambda path: DOWN if bad in path else None

    hub.wait(DAY, looks=12, sales=1)
    delivered = Counter(pixel for pixel, _event_id in hub.taken)
    hub.platform.judge_path = None
    hub.recover()

    assert delivered == {PIXELS[0]: 12, PIXELS[2]: 12}
    assert Counter(pixel for pixel, _event_id in hub.taken) == dict.fromkeys(PIXELS, 12)
    assert hub.story(destination__isnull=True) == []


def test_a_dead_token_costs_one_request_and_a_new_one_sends_all(hub: Hub) -> None:
    hub.go_down(graph_error(190, 463))
    hub.wait(3 * DAY, looks=6, sales=2)
    asked = len(hub.platform.received)
    hub.come_back()

    rows = [{"platform": "meta", "pixel_id": pixel, "access_token": f"new-{pixel}"} for pixel in PIXELS]
    hub.world.patch(f"funnels/{hub.world.funnel.pk}", {"destinations": rows})
    hub.work()

    assert asked == len(PIXELS)
    assert {status for status, _reason in hub.fates()} == {"accepted"}
    assert len(hub.taken) == 36
    assert set(hub.taken.values()) == {1}


def test_time_passes_for_everything_at_once(hub: Hub) -> None:
    hub.go_down()
    hub.sell(1)
    hub.work()
    with unscoped():
        before = Send.objects.first()
        advance(HOUR)
        after = Send.objects.first()

    assert before and after
    for name in ("due_at", "deadline", "first_attempt_at", "changed_at"):
        assert getattr(before, name) - getattr(after, name) == HOUR
    assert after.deadline - timezone.now() < DEADLINE - HOUR + MINUTE
