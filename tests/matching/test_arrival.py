"""Nothing depends on the order of arrival: the same facts, told in any order, end in the same decision.

Facts are told through the services that tell them in production, matching runs in the pipeline's own lanes, and no
platform is told anything. Times are in the past and given as arguments, but for a session's, which are the database's
clock: they are written over before each look, as if every hit had come at its own time, and turned forward again
afterwards, since a session that was silent for half an hour would be over for the next hit.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.clicks.models import Session
from apps.clicks.services import Visitor, record_click, record_visitor
from apps.clicks.tracking import Hit, read_hit
from apps.conversions.facts import OrderFact
from apps.conversions.models import Conversion
from apps.conversions.services import record_deliveries
from apps.core.identity import Person, hash_person
from apps.gateways.events import Kind
from apps.matching.models import Match
from apps.pipeline.stages import link_people_batch, match_batch
from apps.tenants.scoping import unscoped
from tests.conversions.deliveries import delivery, endpoint_of
from tests.worlds import LANDING, World

PLACED = timezone.now().replace(microsecond=0) - timedelta(days=1)
BUYER = Person(email="beatriz@example.com", phone="11987654321")
NAMES: dict[str, dict[str, str]] = {
    "": {},
    "e-mail": {"email": "beatriz@example.com"},
    "both": {"email": "beatriz@example.com", "phone": "11987654321"},
    "phone": {"phone": "11987654321"},
    "somebody else": {"email": "carla@example.com"},
}
HOME = "203.0.113.7"
FBCLID = "IwAR-the-buyers"


@dataclass(frozen=True)
class Visit:
    """A visitor on one device; hours count back from the order. `named` is what its visitor says, whenever that is."""

    number: int
    hours: float = 0.5
    fbp: str = ""
    ip: str = HOME
    named: str = ""

    @property
    def session_id(self) -> str:
        return f"hts{self.number:024}"

    @property
    def person(self) -> dict[str, str]:
        return NAMES[self.named]


@dataclass(frozen=True)
class Clicked:
    """A click in a visit, with or without the visitor's name."""

    number: int
    visit: Visit
    hours: float = 0.5
    fbclid: str = ""
    says_who: bool = False


@dataclass(frozen=True)
class Identified:
    """The visitor of a visit says who they are."""

    visit: Visit


@dataclass(frozen=True)
class Webhook:
    """The gateway tells of the order; `carries` is the number of a click, a visit, or nothing."""

    kind: Kind
    carries: Clicked | Visit | None = None
    hours: float = 0
    fbclid: str = ""
    buyer_ip: str = ""


Fact = Clicked | Identified | Webhook


def tell(world: World, said: Fact, ids: Mapping[Clicked, str]) -> str:
    """Through the service that does so; gives a click's id."""
    if isinstance(said, Webhook):
        record_deliveries([delivery(endpoint_of(world), _order(said, ids))])
        return ""
    visitor = Visitor(world.tenant_id, world.funnel.pk, said.visit.ip, "Mozilla/5.0 (Linux; Android 15) Chrome/142.0")
    if isinstance(said, Identified):
        return record_visitor(visitor, _hit(world, said.visit, **said.visit.person)).click_id
    names = said.visit.person if said.says_who else {}
    hit = _hit(world, said.visit, event_id=f"click-{said.number}", fbclid=said.fbclid, **names)
    return record_click(visitor, hit, PLACED - timedelta(hours=said.hours)).click_id


def _hit(world: World, visit: Visit, **members: str) -> Hit:
    least = {"public_key": world.funnel.public_key, "url": LANDING, "session_id": visit.session_id, "fbp": visit.fbp}
    return read_hit(least | members)


def _order(said: Webhook, ids: Mapping[Clicked, str]) -> OrderFact:
    carried = ids[said.carries] if isinstance(said.carries, Clicked) else said.carries and said.carries.session_id
    tracking = {"sck": carried or "", "fbclid": said.fbclid}
    return OrderFact(
        kind=said.kind,
        occurred_at=PLACED + timedelta(hours=said.hours),
        amount=Decimal("197.000"),
        currency="BRL",
        identity=hash_person(BUYER),
        buyer_ip=said.buyer_ip,
        tracking={name: text for name, text in tracking.items() if text},
    )


@contextmanager
def at_their_own_times(facts: Sequence[Fact]) -> Iterator[None]:
    for visit in {said.visit for said in facts if not isinstance(said, Webhook)}:
        began_at = PLACED - timedelta(hours=visit.hours)
        Session.objects.filter(public_id=visit.session_id).update(
            first_seen_at=began_at, last_seen_at=began_at + timedelta(minutes=20)
        )
    yield
    Session.objects.update(last_seen_at=Now())


def run_lanes(facts: Sequence[Fact]) -> int:
    """Until they are at rest; how many turns that took."""
    for turn in range(10):
        with at_their_own_times(facts):
            matched = match_batch().rows
        if not link_people_batch().rows and not matched:
            return turn
    raise AssertionError("the lanes find something for ever")


def decision_on(world: World, facts: Sequence[Fact], ids: Mapping[Clicked, str], *, is_eager: bool) -> dict[str, Any]:
    """What the facts lead to in this order; eager workers look after each. Nothing of it stays in the database."""
    with unscoped(), transaction.atomic():
        for said in facts:
            tell(world, said, ids)
            if is_eager:
                run_lanes(facts)
        Conversion.objects.update(match_due_at=Now())  # the last look of the schedule
        run_lanes(facts)
        found = outcome(Match.objects.select_related("click").get())
        transaction.set_rollback(True)
    return found


def outcome(match: Match) -> dict[str, Any]:
    """Without keys of rows, and the numbers by which evidence tells visits and browsers apart."""
    labels = ("visit", "browser")
    record = dict(match.record)
    visits = [_less(item, *labels) for item in record.pop("visits")]
    return {
        "decision": (match.decision, match.rule, match.confidence, match.is_used, match.review),
        "click": match.click and match.click.public_id,
        "evidence": [_less(item, *labels) for item in match.evidence],
        "record": record | {"visits": sorted(visits, key=lambda item: item["visit_id"])},
        "better": match.better,
    }


def _less(item: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name not in names}


def ids_of(world: World, facts: Sequence[Fact]) -> dict[Clicked, str]:
    """The ids that these clicks will have: they follow from session and event id."""
    with unscoped(), transaction.atomic():
        ids = {said: tell(world, said, {}) for said in facts if isinstance(said, Clicked)}
        transaction.set_rollback(True)
    return ids


@st.composite
def stories(draw: st.DrawFn) -> tuple[list[Fact], list[Fact]]:
    """The facts around one order, and the same in another order."""
    visits = [
        Visit(
            number=number,
            hours=draw(st.sampled_from([0.3, 5, 30])),
            fbp=draw(st.sampled_from(["", "fb.1.1700000000000.1", f"fb.1.1700000000000.{number + 2}"])),
            ip=draw(st.sampled_from([HOME, "198.51.100.9"])),
            named=draw(st.sampled_from(sorted(NAMES))),
        )
        for number in range(2)
    ]
    clicks = [
        Clicked(
            number=number,
            visit=visits[number % 2],
            hours=draw(st.sampled_from([-0.2, 0.3, 5, 30, 200])),
            fbclid=draw(st.sampled_from(["", FBCLID, f"IwAR-{number}"])),
            says_who=draw(st.booleans()),
        )
        for number in range(draw(st.integers(2, 4)))
    ]
    pending = Webhook(
        kind=Kind.PAYMENT_PENDING,
        carries=draw(st.sampled_from([None, None, clicks[0], visits[1]])),
        fbclid=draw(st.sampled_from(["", FBCLID])),
        buyer_ip=draw(st.sampled_from(["", HOME])),
    )
    webhooks = [pending, replace(pending, kind=Kind.APPROVED, hours=2)]
    facts: list[Fact] = [*clicks, Identified(visits[0]), *webhooks]
    return facts, draw(st.permutations(facts))


@settings(
    deadline=None,
    derandomize=True,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(story=stories(), is_eager=st.booleans())
def test_any_order_of_arrival_ends_in_the_same_decision(
    world: World, story: tuple[list[Fact], list[Fact]], is_eager: bool
) -> None:
    facts, shuffled = story
    ids = ids_of(world, facts)

    expected = decision_on(world, facts, ids, is_eager=False)

    assert decision_on(world, shuffled, ids, is_eager=is_eager) == expected


DESKTOP, PHONE = Visit(0, hours=30, named="e-mail"), Visit(1, fbp="fb.1.1700000000000.1")
EARLIER, LATER = Clicked(0, DESKTOP, hours=30, says_who=True), Clicked(1, PHONE, fbclid=FBCLID)
PAID = Webhook(Kind.APPROVED, fbclid=FBCLID)
STORY: tuple[Fact, ...] = (EARLIER, LATER, Identified(DESKTOP), PAID)


@pytest.mark.parametrize("is_eager", [True, False])
def test_every_order_of_four_facts_finds_the_click_that_counts(world: World, is_eager: bool) -> None:
    """The buyer clicked on the desktop where she is known, and a day later on the phone, whose click the sale names."""
    ids = ids_of(world, STORY)

    outcomes = [decision_on(world, order, ids, is_eager=is_eager) for order in permutations(STORY)]

    assert {(found["click"], found["decision"][:2]) for found in outcomes} == {(ids[LATER], ("auto", "fbc_in_window"))}
    assert [item["click_id"] for item in outcomes[0]["evidence"]] == [ids[LATER], ids[EARLIER]]
    assert all(found == outcomes[0] for found in outcomes)


@pytest.mark.parametrize("facts", [STORY, (PAID,), (PAID, EARLIER, Clicked(2, DESKTOP, hours=29))])
def test_to_look_twice_changes_nothing(world: World, facts: tuple[Fact, ...]) -> None:
    """Not even when it was decided: what is no news is not written."""
    with unscoped():
        for said in facts:
            tell(world, said, {})
        run_lanes(facts)
        before = Match.objects.values().get()

        Conversion.objects.update(match_due_at=Now())
        assert run_lanes(facts) == 1

        assert Match.objects.values().get() == before
