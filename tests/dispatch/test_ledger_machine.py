"""Whatever happens, in whatever order: every approved order is in exactly one bucket of each destination, to the cent.

A machine plays gateways, buyers, platforms, dying workers and the clock against the real hub and database. After each
step the books must say what the webhooks said.
"""

import time
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any, cast

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from apps.conversions.models import Conversion
from apps.dispatch.ledger.queries import Scope, Wanted, read_ledger, read_places
from apps.dispatch.ledger.rules import Bucket
from apps.dispatch.models import CapiEvent
from apps.dispatch.selectors import due_destinations
from apps.dispatch.services import cancel_withdrawn, expire_overdue, release_parked
from apps.dispatch.services.claim import claim
from apps.funnels import selectors
from apps.funnels.models import Destination
from apps.pipeline.stages import match_batch
from apps.tenants.scoping import unscoped
from apps.tenants.services import create_tenant
from tests.consents import say
from tests.dispatch.ledger import SECOND_PIXEL, add_destination, set_funnel
from tests.platforms import ACCEPT, ScriptedPlatform, graph_error
from tests.worlds import PIXEL, World, hotmart, make_world

AN_HOUR_AGO_MS = int(time.time() * 1000) - 3_600_000
ORDERS = st.sampled_from([f"HP{number}" for number in range(5)])
PRICES = st.decimals(min_value="0.01", max_value=1000, places=2)
CURRENCIES = st.sampled_from(["BRL", "USD"])
ANSWERS = st.sampled_from(
    [
        ACCEPT,
        (503, b"<html>"),
        (200, {"messages": []}),
        graph_error(2, is_transient=True),
        graph_error(4),
        graph_error(100, 2804019),
        graph_error(100, 2804003),
        graph_error(190, 463),
        graph_error(100, 33),
    ]
)
# Every column that says when something is to happen, or began.
_SHIFTED = {
    "dispatch_send": ("due_at", "deadline", "first_attempt_at"),
    "dispatch_breaker": ("retry_at", "paused_until"),
    "dispatch_platformbreaker": ("retry_at", "paused_until"),
    "dispatch_batch": ("lease_until",),
    "conversions_conversion": ("match_due_at",),
}


class Books(RuleBasedStateMachine):
    """`sold` is all that the webhooks said: the latest approved price and currency of each order."""

    def __init__(self, platform: ScriptedPlatform) -> None:
        super().__init__()
        self.rollback = transaction.atomic()
        self.rollback.__enter__()
        selectors.forget_remembered()
        self.platform = platform
        self.platform.answers = [ACCEPT]
        self.sold: dict[str, tuple[Decimal, str]] = {}
        self.clock = count(AN_HOUR_AGO_MS)
        self.world: World = make_world(create_tenant(name="Cursos da Ana", email="ana@example.com"))
        add_destination(self.world)
        self.visit = self.world.click(email="beatriz@example.com", consent_ads=True)
        self.more_pixels = iter(["333333333333333", "444444444444444"])

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.rollback.__exit__(None, None, None)

    def post(self, event: str, order_id: str, **changes: Any) -> None:
        at_ms = changes.pop("at_ms", None) or next(self.clock)
        answer = self.world.post_webhook(hotmart(event, order_id=order_id, at_ms=at_ms, **changes))
        assert answer.status_code == 202, answer.content

    @rule(order_id=ORDERS, price=PRICES, currency=CURRENCIES)
    def approve(self, order_id: str, price: Decimal, currency: str) -> None:
        self.post("PURCHASE_APPROVED", order_id, price=float(price), currency=currency)
        self.sold[order_id] = price, currency

    @rule(price=PRICES)
    def approve_a_test(self, price: Decimal) -> None:
        """Its sender's clock stands at 1970: nobody sold anything then."""
        self.post("PURCHASE_APPROVED", "TEST", price=float(price), at_ms=next(self.clock) - AN_HOUR_AGO_MS + 1000)
        self.sold["TEST"] = price, "BRL"

    @rule(order_id=ORDERS, price=PRICES)
    def issue_a_boleto(self, order_id: str, price: Decimal) -> None:
        self.post("PURCHASE_BILLET_PRINTED", order_id, price=float(price))

    @rule(order_id=ORDERS, event=st.sampled_from(["PURCHASE_REFUNDED", "PURCHASE_CHARGEBACK", "PURCHASE_PROTEST"]))
    def give_back(self, order_id: str, event: str) -> None:
        self.post(event, order_id)

    @rule(answers=st.lists(ANSWERS, min_size=1, max_size=4))
    def answer_so(self, answers: list[Any]) -> None:
        self.platform.answers = [*answers]

    @rule()
    def work(self) -> None:
        self.world.run_stages()

    @rule()
    def match_only(self) -> None:
        with unscoped():
            match_batch()

    @rule()
    def die_while_sending(self) -> None:
        with unscoped():
            for destination in due_destinations()[:1]:
                claim(destination)

    @rule()
    def fail_to_match_for_good(self) -> None:
        with unscoped():
            unplanned = Conversion.objects.filter(capi_events=None, match_due_at__isnull=False)
            unplanned.update(match_failures=5, match_due_at=None)

    @rule(pixel_id=st.sampled_from([PIXEL, SECOND_PIXEL]))
    def save_a_token(self, pixel_id: str) -> None:
        change = {"destinations": [{"platform": "meta", "pixel_id": pixel_id, "access_token": f"t{next(self.clock)}"}]}
        assert self.world.patch(f"funnels/{self.world.funnel.pk}", change).status_code == 200
        with unscoped():
            release_parked()

    @rule(answer=st.booleans())
    def speak_of_ads(self, answer: bool) -> None:
        say(self.world, answer, session_id=self.visit["session_id"])
        with unscoped():
            cancel_withdrawn()

    @precondition(lambda self: self.sold)
    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        order_id = data.draw(st.sampled_from(sorted(self.sold)))
        with unscoped():
            event = CapiEvent.objects.filter(conversion__order_id=order_id, stage="sale").first()
        if event:
            assert self.world.post(f"replay/{event.event_id}").status_code in (202, 409)

    @rule(by=st.sampled_from([timedelta(minutes=2), timedelta(hours=7), timedelta(days=8)]))
    def let_time_pass(self, by: timedelta) -> None:
        with connection.cursor() as cursor:
            for table, columns in _SHIFTED.items():
                changes = ", ".join(f"{name} = {name} - interval '{by.total_seconds()} seconds'" for name in columns)
                cursor.execute(f"UPDATE {table} SET {changes}")
        with unscoped():
            expire_overdue()
            release_parked()

    @rule(is_published=st.booleans())
    def add_a_destination(self, is_published: bool) -> None:
        pixel_id = next(self.more_pixels, None)
        if pixel_id:
            add_destination(self.world, pixel_id, publish=is_published)

    @rule(name=st.sampled_from(["Purchase", "", "Venda"]))
    def call_sales(self, name: str) -> None:
        set_funnel(self.world, event_names={"purchase_approved": name, "payment_pending": "Venda"})

    @invariant()
    def the_books_close(self) -> None:
        ledger = read_ledger(Scope(tenant_id=self.world.tenant_id))

        assert ledger.imbalances == []
        assert [line for line in ledger.buckets if line.bucket is Bucket.MISSING] == []
        assert {item.currency: (item.orders, item.amount) for item in ledger.totals} == self._said()

    @invariant()
    def every_order_is_in_one_bucket_of_each_destination(self) -> None:
        places = read_places(Scope(tenant_id=self.world.tenant_id), Wanted(limit=1000))

        with unscoped():
            destinations = set(Destination.objects.filter(funnel=self.world.funnel).values_list("pk", flat=True))
        expected = sorted((order_id, pk) for order_id in self.sold for pk in destinations)
        assert sorted((place.order_id, place.destination_id) for place in places) == expected
        for place in places:
            assert (place.amount, place.currency) == self.sold[place.order_id]

    def _said(self) -> dict[str, tuple[int, Decimal]]:
        sums: dict[str, tuple[int, Decimal]] = defaultdict(lambda: (0, Decimal(0)))
        for price, currency in self.sold.values():
            orders, amount = sums[currency]
            sums[currency] = orders + 1, amount + price
        return dict(sums)


def play(machine: Callable[[], Books], **limits: Any) -> None:
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        cast(Any, machine), settings=settings(deadline=None, suppress_health_check=checks, **limits)
    )


def test_the_books_close_whatever_happens(db: None, platform: ScriptedPlatform) -> None:
    play(lambda: Books(platform), max_examples=15, stateful_step_count=25)


def test_the_machine_notices_an_order_that_is_lost(db: None, platform: ScriptedPlatform) -> None:
    """A machine that cannot fail proves nothing."""
    machine = Books(platform)
    machine.approve(order_id="HP1", price=Decimal("5.01"), currency="BRL")
    machine.the_books_close()
    with unscoped():
        Conversion.objects.update(match_due_at=None)

    with pytest.raises(AssertionError):
        machine.the_books_close()
    machine.teardown()


def test_the_machine_notices_money_that_is_wrong(db: None, platform: ScriptedPlatform) -> None:
    machine = Books(platform)
    machine.approve(order_id="HP1", price=Decimal("5.01"), currency="BRL")
    machine.every_order_is_in_one_bucket_of_each_destination()
    with unscoped():
        Conversion.objects.update(amount=Decimal("5.00"))

    with pytest.raises(AssertionError):
        machine.the_books_close()
    with pytest.raises(AssertionError):
        machine.every_order_is_in_one_bucket_of_each_destination()
    machine.teardown()
