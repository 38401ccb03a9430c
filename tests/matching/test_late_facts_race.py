"""Facts that come in the very moment in which their sale is matched: none is missed, and nobody locks another out."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from apps.conversions.services import claim_for_matching, settle_matching
from apps.core.db import release_connection
from apps.core.identity import hash_email
from apps.matching.models import Match
from apps.pipeline.lanes import find_due_lanes
from apps.pipeline.stages import link_people_batch, match_batch
from apps.tenants.scoping import unscoped
from tests.matching.late import BUYER, chosen, identify, run_lanes
from tests.pipeline.test_concurrency import at_once
from tests.worlds import LANDING, World, hotmart

pytestmark = pytest.mark.django_db(transaction=True)


def while_matching(work: Callable[[], Any]) -> None:
    """`work` in another connection, begun while a worker that has read its facts still holds the sales."""

    def elsewhere() -> None:
        try:
            work()
        finally:
            release_connection()

    with ThreadPoolExecutor(1) as pool, unscoped():
        with transaction.atomic():
            claimed = claim_for_matching(10)
            assert claimed
            begun = pool.submit(elsewhere)
            wait_until_blocked()
            settle_matching(claimed, {row.pk for row in claimed})
        begun.result(60)


def wait_until_blocked() -> None:
    """Until another connection waits for a lock of this one's."""
    with connection.cursor() as cursor:
        for _look in range(2000):
            cursor.execute(
                "SELECT count(*), pg_sleep(0.01) FROM pg_locks WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
            if cursor.fetchone()[0]:
                return
    raise AssertionError("nobody waits")


def test_a_webhook_that_comes_while_its_sale_is_matched_keeps_its_look(world: World) -> None:
    world.post_webhook(hotmart("PURCHASE_BILLET_PRINTED", order_id="HP1"))

    while_matching(lambda: world.post_webhook(hotmart(order_id="HP1")))

    with unscoped():
        assert find_due_lanes().matches is True
    assert [matched for matched, _ in run_lanes()] == [1]
    assert world.conversion("HP1")["status"] == "approved"


def test_a_visitor_who_is_known_while_the_sale_is_matched_is_not_missed(world: World) -> None:
    ids = world.click()
    world.post_webhook(hotmart(order_id="HP1"))

    def be_known() -> None:
        identify(world, ids["session_id"], email=BUYER)
        with unscoped():
            link_people_batch()

    while_matching(be_known)
    run_lanes()

    assert chosen() == ("auto", "email_hash", ids["click_id"])


def test_webhooks_visitors_matching_and_linking_at_once_lose_nothing(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    buyers = [f"buyer{number}@example.com" for number in range(16)]
    ids = {email: world.click() for email in buyers}

    def sell(email: str) -> Callable[[], int]:
        return lambda: world.post_webhook(hotmart(order_id=email[:-12], email=email, phone="")).status_code

    def say(email: str) -> Callable[[], int]:
        hit = {"public_key": world.funnel.public_key, "url": LANDING, "email": email, **ids[email]}
        return lambda: int(Client().post("/api/v1/track/pageview", hit, "application/json").status_code)

    def match() -> int:
        with unscoped():
            return match_batch().rows and 0

    def link() -> int:
        with unscoped():
            return link_people_batch().rows and 0

    works = [*map(sell, buyers), *map(say, buyers), *[match] * 16, *[link] * 16]
    random.Random(1).shuffle(works)
    answers = at_once(works, threads=12)
    run_lanes()

    assert "failed" not in caplog.text, "a batch that failed was tried again row by row"
    assert sorted(answers) == [0] * 32 + [201] * 16 + [202] * 16
    with unscoped():
        found = dict(Match.objects.values_list("conversion__email_sha256", "click__public_id"))
    assert found == {hash_email(email): ids[email]["click_id"] for email in buyers}
