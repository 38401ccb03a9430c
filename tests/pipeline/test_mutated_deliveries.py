"""300 deliveries of every gateway, each damaged as formats change over the years: all are answered and kept, and no
order ever gets another state or amount than the undamaged body gives.
"""

import json
from collections import Counter
from random import Random
from typing import Any

import pytest
from django.db import transaction

from apps.conversions.models import Conversion, Delivery, Quarantine
from apps.funnels import selectors
from apps.gateways.registry import ADAPTERS
from apps.gateways.request import WebhookRequest
from apps.tenants.scoping import unscoped
from tests.gateways.mutations import MUTATIONS, mutate
from tests.gateways.samples import Sample, samples_of
from tests.pipeline.senders import GATEWAYS, send_signed
from tests.worlds import World

POSTS = 300
Orders = dict[tuple[str, str], tuple[Any, ...]]
KEPT = frozenset({"quarantined", "unknown"})


def stored() -> tuple[Orders, list[str], int]:
    """Each order's state and money, the deliveries' outcomes, and how many bodies are kept."""
    with unscoped():
        orders = {
            (row.gateway, row.order_id): (row.status, row.amount, row.currency, row.refunded_amount)
            for row in Conversion.objects.all()
        }
        outcomes = list(Delivery.objects.order_by("pk").values_list("outcome", flat=True))
        return orders, outcomes, Quarantine.objects.count()


def post_alone(world: World, sample: Sample, request: WebhookRequest) -> tuple[int, str, Orders, list[str], int]:
    """Post into a database where nothing was posted before, and leave it so."""
    with transaction.atomic():
        answer = send_signed(world, sample.adapter.slug, request)
        orders, outcomes, kept = stored()
        transaction.set_rollback(True)
    return answer.status_code, answer.json()["status"], orders, outcomes, kept


def damaged(luck: Random) -> tuple[Sample, str, WebhookRequest]:
    sample = luck.choice(samples_of(ADAPTERS[luck.choice(GATEWAYS)]))
    mutation = luck.choice(MUTATIONS)
    return sample, mutation, mutate(sample, mutation, luck)


def test_no_damage_changes_an_order_unnoticed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selectors._endpoints, "_seconds", 1e9)
    luck, mutations, words = Random(20_261_122), Counter[str](), Counter[str]()

    for _ in range(POSTS):
        sample, mutation, request = damaged(luck)
        *_right, undamaged, _outcomes, _kept = post_alone(world, sample, sample.request_with(sample.document))
        status, word, orders, outcomes, kept = post_alone(world, sample, request)
        assert status == 202
        assert word == outcomes[0]
        assert len(outcomes) == len(messages_of(request)) or KEPT & set(outcomes)
        if KEPT & set(outcomes):
            assert kept >= 1
            assert orders in ({}, undamaged), (sample, mutation, request.body)
        else:
            assert (orders, kept) == (undamaged, 0), (sample, mutation, request.body)
        mutations[mutation] += 1
        words[word] += 1

    assert sum(words.values()) == POSTS
    assert set(mutations) == set(MUTATIONS)
    assert min(words["recorded"], words["quarantined"]) > 5, "neither all nor nothing can still be read"


def messages_of(request: WebhookRequest) -> list[Any]:
    text = request.body.strip()
    decoded = json.loads(text) if text.startswith((b"{", b"[")) else {}
    return decoded if isinstance(decoded, list) else [decoded]


def test_all_of_them_together_are_as_many_deliveries_and_no_strange_order(world: World) -> None:
    """Into one database, one after the other: what each order became is what some of its fixtures say."""
    luck = Random(4_815_162_342)
    posts, deliveries = 0, 0
    known = {
        (sample.adapter.slug, event["order_id"])
        for gateway in GATEWAYS
        for sample in samples_of(ADAPTERS[gateway])
        for event in sample.expected
        if "order_id" in event
    }

    for _ in range(POSTS):
        sample, _mutation, request = damaged(luck)
        before = len(stored()[1])
        assert send_signed(world, sample.adapter.slug, request).status_code == 202
        more = len(stored()[1]) - before
        assert more >= 1
        posts, deliveries = posts + 1, deliveries + more

    orders, outcomes, _kept = stored()
    assert (posts, len(outcomes)) == (POSTS, deliveries)
    assert orders.keys() <= known
    assert len(orders) > 20
