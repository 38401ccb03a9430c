"""Which events an order gives: one for each stage it has been through, once, under the name that was chosen first."""

from itertools import permutations
from typing import Any

import pytest
from django.utils import timezone

from apps.conversions.facts import OrderFact
from apps.conversions.models import Conversion
from apps.conversions.transitions import STATUS_OF
from apps.dispatch.backoff import deadline
from apps.dispatch.event_id import make_event_id
from apps.dispatch.models import CapiEvent, Send
from apps.dispatch.services import plan_events
from apps.funnels.event_names import DEFAULT_NAMES
from apps.funnels.selectors import published_configs
from apps.gateways.events import SALES, Kind
from apps.pipeline.stages import match_batch
from apps.tenants.scoping import unscoped
from tests.conversions.deliveries import endpoint_of, record
from tests.conversions.facts import fact
from tests.pipeline.test_concurrency import at_once
from tests.platforms import ACCEPT, ScriptedPlatform
from tests.worlds import World, hotmart

KINDS = sorted(STATUS_OF)
OWN_NAMES = {kind.value: f"Own_{number}" for number, kind in enumerate(KINDS)}


def choose(world: World, **names: str) -> None:
    world.patch(f"funnels/{world.funnel.pk}", {"event_names": names})
    assert world.post(f"funnels/{world.funnel.pk}/publish").status_code == 200


def happen(world: World, *facts: OrderFact) -> None:
    """The facts arrive together, and the workers look."""
    record(endpoint_of(world), *facts)
    with unscoped():
        while match_batch().rows:
            pass


def told() -> list[CapiEvent]:
    with unscoped():
        return list(CapiEvent.objects.order_by("event_time", "pk"))


def stages() -> list[tuple[str, str]]:
    return [(event.stage, event.event_name) for event in told()]


def stage_of(kind: Kind) -> str:
    return "sale" if kind in SALES else kind.value


@pytest.mark.parametrize("kind", KINDS)
def test_each_thing_that_happens_is_told_under_its_default_name_or_not_at_all(world: World, kind: Kind) -> None:
    happen(world, fact(kind, 1, "100", currency="BRL"))

    assert stages() == ([(stage_of(kind), DEFAULT_NAMES[kind])] if DEFAULT_NAMES[kind] else [])


@pytest.mark.parametrize("kind", KINDS)
def test_each_can_have_a_name_of_its_own(world: World, kind: Kind) -> None:
    choose(world, **OWN_NAMES)

    happen(world, fact(kind, 1, "100", currency="BRL"))

    (event,) = told()
    assert (event.stage, event.event_name) == (stage_of(kind), OWN_NAMES[kind])
    assert event.event_time == fact(kind, 1).occurred_at


@pytest.mark.parametrize("kind", KINDS)
def test_each_can_be_told_not_at_all(world: World, kind: Kind) -> None:
    choose(world, **dict.fromkeys(KINDS, ""))

    happen(world, fact(kind, 1, "100", currency="BRL"))

    assert told() == []
    with unscoped():
        assert (Conversion.objects.count(), Send.objects.count()) == (1, 0)


def test_a_whole_life_is_told_stage_by_stage_each_with_its_own_id_and_time(world: World) -> None:
    choose(world, **OWN_NAMES)
    life = [fact(kind, hour, "100", currency="BRL") for hour, kind in enumerate(KINDS) if kind is not Kind.RENEWED]

    happen(world, *life, *life)

    assert [(event.stage, event.event_time) for event in told()] == [
        (stage_of(said.kind), said.occurred_at) for said in life
    ]
    for event in told():
        name = event.event_name
        assert event.event_id == make_event_id(str(world.tenant_id), "hotmart", "HP1", name)
    assert len({event.event_id for event in told()}) == len(life)


def test_a_stage_has_the_time_it_first_happened(world: World) -> None:
    story = [fact(Kind.PAYMENT_PENDING, hour, "100") for hour in (3, 1, 2)]

    happen(world, *story)

    assert [event.event_time for event in told()] == [fact(Kind.PAYMENT_PENDING, 1).occurred_at]


SALE_STORY = (
    fact(Kind.APPROVED, 2, "100", currency="BRL"),
    fact(Kind.RENEWED, 1, "100", currency="BRL"),
    fact(Kind.APPROVED, 3, "100", currency="BRL"),
)


@pytest.mark.parametrize("order", list(permutations(SALE_STORY)))
def test_an_order_both_approved_and_renewed_is_sold_once(world: World, order: tuple[OrderFact, ...]) -> None:
    for said in order:
        happen(world, said)

    first = order[0]
    assert stages() == [("sale", DEFAULT_NAMES[first.kind])]
    assert [event.event_time for event in told()] == [first.occurred_at], "as it was told, so it stays"


def test_when_both_are_known_before_it_is_told_the_first_in_time_gives_the_name(world: World) -> None:
    happen(world, *SALE_STORY)

    assert stages() == [("sale", "Subscribe")]


@pytest.mark.parametrize("before_and_after", [("Purchase", "Venda"), ("Venda", "Purchase"), ("Venda", "")])
def test_a_sale_that_was_told_is_never_told_under_another_name(world: World, before_and_after: tuple[str, str]) -> None:
    before, after = before_and_after
    choose(world, purchase_approved=before)
    happen(world, fact(Kind.APPROVED, 1, "100", currency="BRL"))

    choose(world, purchase_approved=after)
    happen(world, fact(Kind.APPROVED, 2, "120", currency="BRL"), fact(Kind.REFUNDED, 3))

    assert stages() == [("sale", before)]
    with unscoped():
        assert Send.objects.count() == 1


def test_a_stage_that_had_no_name_is_told_once_it_has_one_and_the_order_changes(world: World) -> None:
    happen(world, fact(Kind.REFUSED, 1, "100"))
    assert told() == []

    choose(world, payment_refused="Recusado")
    happen(world, fact(Kind.APPROVED, 2, "100", currency="BRL"))

    assert stages() == [("payment_refused", "Recusado"), ("sale", "Purchase")]


def test_names_that_change_places_are_told_once_each(world: World) -> None:
    choose(world, payment_refused="A", purchase_expired="B")
    happen(world, fact(Kind.REFUSED, 1, "100"))

    choose(world, payment_refused="B", purchase_expired="A")
    happen(world, fact(Kind.EXPIRED, 2, "100"))

    assert stages() == [("payment_refused", "A")], "A has been told of this order, and its refusal too"
    with unscoped():
        assert Send.objects.count() == 1


@pytest.mark.parametrize("order", list(permutations([Kind.REFUSED, Kind.EXPIRED, Kind.APPROVED])))
@pytest.mark.parametrize("together", [True, False])
def test_stages_that_share_a_name_are_one_event(world: World, order: tuple[Kind, ...], together: bool) -> None:
    """The platforms count an order and a name once; the time is that of the stage that is told."""
    choose(world, **dict.fromkeys(["payment_refused", "purchase_expired", "purchase_approved"], "Fim"))
    hours = {Kind.REFUSED: 1, Kind.EXPIRED: 30, Kind.APPROVED: 60}
    facts = [fact(kind, hours[kind], "100", currency="BRL") for kind in order]

    for batch in [facts] if together else [[said] for said in facts]:
        happen(world, *batch)

    (event,) = told()
    said_first = fact(Kind.REFUSED, 1) if together else facts[0]
    assert (event.event_time, event.stage) == (said_first.occurred_at, stage_of(said_first.kind))
    with unscoped():
        assert [send.deadline for send in Send.objects.all()] == [deadline(event.event_time)]


def test_planning_again_adds_nothing(world: World) -> None:
    happen(world, fact(Kind.PAYMENT_PENDING, 0, "100"), fact(Kind.APPROVED, 1, "100", currency="BRL"))
    before = told()

    with unscoped():
        rows = list(Conversion.objects.select_related("endpoint"))
        planned = plan_events(rows, published_configs([world.funnel.pk]))

    assert len(planned) == 1
    assert told() == before
    with unscoped():
        assert Send.objects.count() == len(before) == 2


@pytest.mark.django_db(transaction=True)
def test_planning_at_once_from_all_sides_adds_each_event_and_send_once(world: World) -> None:
    record(
        endpoint_of(world),
        fact(Kind.PAYMENT_PENDING, 0, "100"),
        fact(Kind.APPROVED, 1, "100", currency="BRL"),
    )

    def plan() -> int:
        with unscoped():
            rows = list(Conversion.objects.select_related("endpoint"))
            return len(plan_events(rows, published_configs([world.funnel.pk])))

    at_once([plan] * 8)

    assert stages() == [("payment_pending", "AddPaymentInfo"), ("sale", "Purchase")]
    with unscoped():
        assert Send.objects.count() == 2


def make_due() -> None:
    """As if the time until the next try had passed."""
    with unscoped():
        Send.objects.update(due_at=timezone.now())


@pytest.mark.parametrize(
    ("word", "kind"),
    [("PURCHASE_REFUNDED", "refunded"), ("PURCHASE_CHARGEBACK", "chargeback"), ("PURCHASE_PROTEST", "dispute_opened")],
)
def test_a_refund_that_is_told_itself_is_not_stopped_by_the_refund(
    world: World, platform: ScriptedPlatform, word: str, kind: str
) -> None:
    choose(world, **{kind: "Devolvido"})
    world.post_webhook(hotmart(order_id="HP1"))
    world.run_stages()
    platform.answers = [(503, b""), ACCEPT]
    world.post_webhook(hotmart(word, order_id="HP1"))
    world.run_stages()

    make_due()
    world.run_stages()

    statuses: dict[str, Any] = {event["event_name"]: event["status"] for event in world.events("HP1")}
    assert statuses == {"Purchase": "accepted", "Devolvido": "accepted"}
    assert platform.names == ["Purchase", "Devolvido", "Devolvido"]


def test_a_refund_stops_every_other_stage_that_still_waits(world: World, platform: ScriptedPlatform) -> None:
    choose(world, refunded="Devolvido")
    platform.answers = [(503, b"")]
    for word in ("PURCHASE_BILLET_PRINTED", "PURCHASE_APPROVED"):
        world.post_webhook(hotmart(word, order_id="HP1"))
    world.run_stages()
    platform.answers = [ACCEPT]

    world.post_webhook(hotmart("PURCHASE_REFUNDED", order_id="HP1"))
    make_due()
    world.run_stages()

    assert {event["event_name"]: event["status"] for event in world.events("HP1")} == {
        "AddPaymentInfo": "excluded",
        "Purchase": "excluded",
        "Devolvido": "accepted",
    }
