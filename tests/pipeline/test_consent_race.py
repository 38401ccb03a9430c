"""Consent is withdrawn at every step of a sale's way, also amid other transactions: nothing is sent after that."""

import json
import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from apps.core.db import release_connection
from apps.dispatch.models import Attempt, Send
from apps.dispatch.registry import PLATFORMS
from apps.dispatch.selectors import due_destinations
from apps.dispatch.services import cancel_withdrawn, deliver_due, release_parked
from apps.dispatch.words import Question, find_word, find_words
from apps.pipeline.stages import match_batch
from apps.tenants.scoping import unscoped
from tests.consents import post_word, sends
from tests.pipeline.test_concurrency import at_once
from tests.platforms import ACCEPT, ScriptedPlatform, graph_error
from tests.worlds import LANDING, PIXEL, World, hotmart

pytestmark = pytest.mark.django_db(transaction=True)
BUYER = "beatriz@example.com"
UNWELL = (503, b"")
Withdraw = Callable[[World, dict[str, Any]], None]


def through_the_banner(world: World, ids: dict[str, Any]) -> None:
    assert post_word(world, session_id=ids["session_id"]).status_code == 204


def through_a_hit(world: World, ids: dict[str, Any]) -> None:
    _hit(world, session_id=ids["session_id"])


def in_another_browser(world: World, ids: dict[str, Any]) -> None:
    _hit(world, email=BUYER)


def _hit(world: World, **members: Any) -> None:
    body = {"public_key": world.funnel.public_key, "url": LANDING, "consent_ads": False, **members}
    answer = Client().post("/api/v1/track/pageview", json.dumps(body), content_type="text/plain")
    assert answer.status_code == 201


@pytest.fixture(params=[through_the_banner, through_a_hit, in_another_browser])
def withdraw(request: pytest.FixtureRequest) -> Withdraw:
    way: Withdraw = request.param
    return way


def match() -> None:
    with unscoped():
        while match_batch().rows:
            pass


def deliver() -> None:
    with unscoped():
        for destination in due_destinations():
            while deliver_due(destination).rows:
                pass


def sweep() -> int:
    with unscoped():
        return cancel_withdrawn()


def elsewhere(work: Callable[[], Any]) -> None:
    """In a thread and a transaction of its own, while the caller's goes on."""
    at_once([work])


def meanwhile(work: Callable[[], None]) -> Callable[[], None]:
    """For the platform's thread, before it answers."""

    def run() -> None:
        work()
        release_connection()

    return run


def try_everything(world: World) -> None:
    """All that could still send: time passes, a new token comes, somebody replays, sweeps and workers run."""
    change = {"destinations": [{"platform": "meta", "pixel_id": PIXEL, "access_token": "a-new-token"}]}
    assert world.patch(f"funnels/{world.funnel.pk}", change).status_code == 200
    for again in (True, False):
        with unscoped():
            release_parked()
            Send.objects.update(due_at=timezone.now() - timedelta(seconds=1))
        match()
        deliver()
        for event in world.get("events").json()["results"]:
            assert world.post(f"replay/{event['event_id']}").status_code == 409
        assert sweep() == 0 or again


def sell(world: World) -> dict[str, Any]:
    """A buyer who agreed, and whose paid order the gateway tells of."""
    ids = world.click(consent_ads=True, email=BUYER)
    assert world.post_webhook(hotmart(order_id="HP1", sck=ids["click_id"])).status_code == 202
    return ids


def test_withdrawn_before_the_webhook(world: World, platform: ScriptedPlatform, withdraw: Withdraw) -> None:
    ids = world.click(consent_ads=True, email=BUYER)
    withdraw(world, ids)

    world.post_webhook(hotmart(order_id="HP1", sck=ids["click_id"]))
    match()
    deliver()
    try_everything(world)

    assert platform.received == []
    assert sends() == [("blocked", "consent")]
    assert world.event("HP1")["consent"]["as_of_event"]["answer"] is False


def test_withdrawn_after_the_webhook_before_matching(
    world: World, platform: ScriptedPlatform, withdraw: Withdraw
) -> None:
    ids = sell(world)

    withdraw(world, ids)
    match()
    deliver()
    try_everything(world)

    assert platform.received == []
    assert sends() == [("blocked", "consent")]
    consent = world.event("HP1")["consent"]
    assert (consent["as_of_event"]["answer"], consent["now"]["answer"]) == (True, False)


@pytest.mark.parametrize(("sweeps", "reason"), [(True, "consent_withdrawn"), (False, "consent_withdrawn")])
def test_withdrawn_after_matching_before_the_claim(
    world: World, platform: ScriptedPlatform, withdraw: Withdraw, sweeps: bool, reason: str
) -> None:
    ids = sell(world)
    match()

    withdraw(world, ids)
    assert not sweeps or sweep() == 1
    deliver()
    try_everything(world)

    assert platform.received == []
    assert sends() == [("blocked", reason)]


@pytest.mark.parametrize("answer", [UNWELL, graph_error(4), graph_error(190), (200, {"messages": []})])
def test_withdrawn_while_the_request_is_out(
    world: World, platform: ScriptedPlatform, withdraw: Withdraw, answer: Any
) -> None:
    """What is out cannot be called back; whatever its answer, it was the last."""
    ids = sell(world)
    platform.answers = [answer, ACCEPT]
    platform.on_request = meanwhile(lambda: withdraw(world, ids))

    match()
    deliver()
    platform.on_request = None
    settled = sends()
    try_everything(world)

    assert settled == sends() == [("blocked", "consent_withdrawn")]
    assert len(platform.received) == 1


def test_what_was_accepted_before_its_withdrawal_was_read_stays_accepted(
    world: World, platform: ScriptedPlatform, withdraw: Withdraw
) -> None:
    ids = sell(world)
    platform.on_request = meanwhile(lambda: withdraw(world, ids))

    match()
    deliver()
    platform.on_request = None
    try_everything(world)

    assert sends() == [("accepted", "accepted")]
    assert len(platform.received) == 1


def test_a_sweep_while_the_request_is_out_leaves_it_to_its_own_worker(
    world: World, platform: ScriptedPlatform, withdraw: Withdraw
) -> None:
    swept: list[int] = []

    def leave() -> None:
        withdraw(world, ids)
        swept.append(sweep())

    ids = sell(world)
    platform.answers = [UNWELL, ACCEPT]
    platform.on_request = meanwhile(leave)
    match()
    deliver()
    platform.on_request = None
    try_everything(world)

    assert swept == [0]
    assert sends() == [("blocked", "consent_withdrawn")]
    assert len(platform.received) == 1


@pytest.mark.parametrize(
    ("answer", "status", "sweeps"),
    [
        (UNWELL, "retrying", True),
        (UNWELL, "retrying", False),
        (graph_error(190), "parked", True),
        (graph_error(190), "parked", False),
        (graph_error(100), "dead", True),
    ],
)
def test_withdrawn_while_it_waits_is_parked_or_before_a_replay(
    world: World, platform: ScriptedPlatform, withdraw: Withdraw, *, answer: Any, status: str, sweeps: bool
) -> None:
    ids = sell(world)
    platform.answers = [answer, ACCEPT]
    match()
    deliver()
    stood = [found for found, _reason in sends()]

    withdraw(world, ids)
    swept = sweep() if sweeps else None
    try_everything(world)

    assert stood == [status]
    assert swept in (None, int(status != "dead"))
    assert [found for found, _reason in sends()] == ["dead" if status == "dead" else "blocked"]
    assert len(platform.received) == 1


def test_withdrawn_after_its_worker_died_during_the_request(
    world: World, platform: ScriptedPlatform, withdraw: Withdraw, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any) -> Any:
        raise KeyboardInterrupt

    ids = sell(world)
    match()
    with monkeypatch.context() as patched:
        patched.setattr(PLATFORMS["meta"], "post", die)
        with pytest.raises(KeyboardInterrupt):
            deliver()

    withdraw(world, ids)
    try_everything(world)

    assert sends() == [("blocked", "consent_withdrawn")]
    assert platform.received == []


def test_withdrawn_in_the_middle_of_planning(
    world: World, platform: ScriptedPlatform, withdraw: Withdraw, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planner has read the yes, and writes its send after the no was committed."""

    def find_then_lose(questions: Any) -> Any:
        found = find_words(questions)
        elsewhere(lambda: withdraw(world, ids))
        return found

    ids = sell(world)
    with monkeypatch.context() as patched:
        patched.setattr("apps.dispatch.services.outbox.find_words", find_then_lose)
        match()
    planned = sends()
    deliver()
    try_everything(world)

    assert planned == [("pending", "")]
    assert platform.received == []
    assert sends() == [("blocked", "consent_withdrawn")]


@pytest.mark.parametrize("sweeps", [True, False])
def test_withdrawn_in_the_middle_of_a_claim(
    world: World, platform: ScriptedPlatform, withdraw: Withdraw, monkeypatch: pytest.MonkeyPatch, sweeps: bool
) -> None:
    """The claim has read the yes and holds the send's row; the no, and a sweep, pass it before it commits."""
    real = PLATFORMS["meta"].build_event
    swept: list[int] = []

    def build_then_lose(*facts: Any) -> Any:
        elsewhere(lambda: withdraw(world, ids))
        if sweeps:
            elsewhere(lambda: swept.append(sweep()))
        return real(*facts)

    ids = sell(world)
    match()
    with monkeypatch.context() as patched:
        patched.setattr(PLATFORMS["meta"], "build_event", build_then_lose)
        deliver()
    settled = sends()
    try_everything(world)

    assert swept == [0] * sweeps
    assert settled == sends() == [("blocked", "consent_withdrawn")]
    assert platform.received == []
    with unscoped():
        assert (Attempt.objects.count(), Send.objects.get().attempts, Send.objects.get().batch) == (0, 0, None)


def test_withdrawn_in_the_middle_of_a_replay(
    world: World, platform: ScriptedPlatform, withdraw: Withdraw, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The replay has read the yes, and makes the send due after the no was committed."""

    def find_then_lose(question: Question) -> Any:
        found = find_word(question)
        elsewhere(lambda: withdraw(world, ids))
        return found

    ids = sell(world)
    platform.answers = [graph_error(100), ACCEPT]
    match()
    deliver()
    with monkeypatch.context() as patched:
        patched.setattr("apps.dispatch.services.replay.find_word", find_then_lose)
        replayed = world.post(f"replay/{world.event('HP1')['event_id']}")
    deliver()
    try_everything(world)

    assert replayed.status_code == 202
    assert sends() == [("blocked", "consent_withdrawn")]
    assert len(platform.received) == 1


def test_a_sweep_passes_over_rows_that_somebody_holds(world: World, withdraw: Withdraw) -> None:
    """A sweep that waited for a lock would hold up every lane behind it."""
    ids = sell(world)
    match()
    withdraw(world, ids)
    swept: list[int] = []

    with unscoped(), transaction.atomic():
        Send.objects.select_for_update().get()
        elsewhere(lambda: swept.append(sweep()))

    assert [*swept, sweep()] == [0, 1]


def test_many_buyers_withdraw_while_workers_sweeps_and_replays_run(world: World, platform: ScriptedPlatform) -> None:
    """Half of forty buyers leave while everything runs. Of these at most the request that was already out went."""
    buyers = [world.click(consent_ads=True, email=f"buyer{number}@example.com") for number in range(40)]
    for number, ids in enumerate(buyers):
        person = {"email": f"buyer{number}@example.com", "phone": str(910000000 + number)}
        world.post_webhook(hotmart(order_id=f"HP{number}", sck=ids["click_id"], **person))
    platform.answers = [UNWELL if number % 2 else ACCEPT for number in range(30)] + [ACCEPT]
    leavers = range(0, 40, 2)
    seen: dict[int, Counter[str]] = {}

    def leave(number: int) -> None:
        through_the_banner(world, buyers[number])
        seen[number] = Counter(platform.event_ids)

    def work() -> None:
        match()
        deliver()

    works: list[Callable[[], Any]] = [partial(leave, number) for number in leavers]
    works += [work] * 12 + [sweep] * 8
    random.Random(4).shuffle(works)
    at_once(works, threads=10)
    sent_by_then = Counter(platform.event_ids)
    with unscoped():
        Send.objects.filter(status="retrying").update(due_at=timezone.now() - timedelta(seconds=1))
    at_once([work, sweep, work, sweep])

    for number in range(40):
        event = world.event(f"HP{number}")
        sent = Counter(platform.event_ids)[event["event_id"]]
        if number in leavers:
            assert event["status"] in ("accepted", "blocked")
            assert sent == sent_by_then[event["event_id"]] <= seen[number][event["event_id"]] + 1
        else:
            assert event["status"] in ("accepted", "retrying")
            assert sent >= 1
