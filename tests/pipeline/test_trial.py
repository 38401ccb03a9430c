"""An adapter's next version beside the one in use: compared in shadow, counted when live, harmless whatever it does."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import OperationalError

from apps.conversions.models import AdapterComparison
from apps.core.identity import Person
from apps.funnels import selectors
from apps.funnels.selectors import find_endpoint
from apps.gateways.base import Adapter
from apps.gateways.registry import CANDIDATES
from apps.gateways.request import WebhookRequest
from apps.pipeline import trial
from apps.pipeline.intake import read_ordinary
from apps.pipeline.trial import NOT_READ
from apps.tenants.scoping import unscoped
from tests.conversions.deliveries import STATE
from tests.gateways.samples import MISSING, with_value
from tests.pipeline.candidates import BROKEN, UNSOUND, Changed, Forgetful, Halving, Learned, Same
from tests.pipeline.database import conversions, deliveries, everything_stored, forms_of, quarantined
from tests.worlds import SECRETS, World, hotmart

Try = Callable[..., None]
SALE = hotmart(order_id="HP1", sck="organic", at_ms=1_780_000_000_000)


@pytest.fixture
def try_(world: World, monkeypatch: pytest.MonkeyPatch) -> Try:
    """Registers a candidate, and switches the endpoint to it over REST."""

    def switched(candidate: Adapter, mode: str = "shadow") -> None:
        monkeypatch.setitem(CANDIDATES, "hotmart", candidate)
        changed = world.patch(f"funnels/{world.funnel.pk}", {"endpoints": [{"gateway": "hotmart", "candidate": mode}]})
        assert changed.status_code == 200, changed.content
        selectors.forget_remembered()

    return switched


def comparisons() -> list[AdapterComparison]:
    with unscoped():
        return list(AdapterComparison.objects.order_by("pk"))


def fields(comparison: AdapterComparison) -> dict[str, tuple[str, str]]:
    return {item["field"]: (item["current"], item["candidate"]) for item in comparison.differences}


def recorded(world: World) -> list[Any]:
    """What was stored of this tenant's orders, deliveries and quarantine, but for ids and times of receipt."""
    return [
        *([getattr(row, name) for name in STATE] for row in conversions() if row.tenant_id == world.tenant_id),
        *(
            (row.outcome, row.kind, row.fingerprint, row.fact)
            for row in deliveries()
            if row.tenant_id == world.tenant_id
        ),
        *((kept.body, kept.path, kept.found) for kept in quarantined() if kept.tenant_id == world.tenant_id),
    ]


CANNOT = {**BROKEN, **{name: Changed(**changes) for name, changes in UNSOUND.items()}}
CANDIDATES_TRIED: dict[str, Adapter] = {
    "the same": Same(),
    "half the amount": Halving(),
    "no word": Forgetful(),
    **CANNOT,
}


# --- Shadow ---


@pytest.mark.parametrize("candidate", CANDIDATES_TRIED.values(), ids=CANDIDATES_TRIED)
def test_in_shadow_a_candidate_changes_nothing(world: World, other_world: World, try_: Try, candidate: Adapter) -> None:
    """The other tenant's endpoint tries nothing, and shows what must be recorded."""
    bodies = [SALE, with_value(SALE, ("data", "purchase", "price", "value"), MISSING), {**SALE, "event": "NOVEL"}]
    try_(candidate)

    answers = [(world.post_webhook(body).json(), other_world.post_webhook(body).json()) for body in bodies]

    assert [mine["status"] for mine, _theirs in answers] == ["recorded", "quarantined", "unknown"]
    assert [mine for mine, _theirs in answers] == [theirs for _mine, theirs in answers]
    assert recorded(world) == recorded(other_world)
    assert len(recorded(world)) == 1 + 3 + 2
    assert {row.tenant_id for row in comparisons()} <= {world.tenant_id}


def test_a_comparison_of_the_same_reading_has_no_differences(world: World, try_: Try) -> None:
    try_(Same())

    world.post_webhook(SALE)

    (row,) = comparisons()
    assert (row.order_id, row.version, row.candidate, row.currency) == ("HP1", 1, 2, "BRL")
    assert (row.amount, row.candidate_amount, row.differences) == (Decimal("197.9"), Decimal("197.9"), [])


def test_a_comparison_names_what_differs_and_only_that(world: World, try_: Try) -> None:
    try_(Changed(amount=Decimal(50), product_name=None, payment_method="card", installments=3))

    world.post_webhook(SALE)

    (row,) = comparisons()
    assert (row.amount, row.candidate_amount) == (Decimal("197.9"), Decimal(50))
    assert fields(row) == {
        "amount": ("197.900", "50.000"),
        "installments": ("1", "3"),
        "payment_method": ("pix", "card"),
        "product_name": ("Curso de Confeitaria", ""),
    }


@pytest.mark.parametrize("candidate", CANNOT.values(), ids=CANNOT)
def test_a_candidate_that_cannot_read_is_compared_as_such(world: World, try_: Try, candidate: Adapter) -> None:
    try_(candidate)

    world.post_webhook(SALE)

    (row,) = comparisons()
    assert (row.order_id, row.amount, row.candidate_amount) == ("HP1", Decimal("197.9"), None)
    assert fields(row)["kind"] == ("purchase_approved", NOT_READ)


def test_a_word_that_the_candidate_lost_is_compared_as_not_read(world: World, try_: Try) -> None:
    try_(Forgetful())

    world.post_webhook(SALE)

    assert [fields(row)["kind"] for row in comparisons()] == [("purchase_approved", NOT_READ)]


def test_another_order_is_compared_as_one_lost_and_one_found(world: World, try_: Try) -> None:
    try_(Changed(order_id="HP9"))

    world.post_webhook(SALE)

    lost, found = comparisons()
    assert (lost.order_id, lost.amount, lost.candidate_amount) == ("HP1", Decimal("197.9"), None)
    assert (found.order_id, found.amount, found.candidate_amount) == ("HP9", None, Decimal("197.9"))


def test_what_only_the_candidate_reads_is_compared_and_still_quarantined(world: World, try_: Try) -> None:
    try_(Learned())

    answer = world.post_webhook(of_the_future())

    assert answer.json() == {"status": "quarantined"}
    assert conversions() == []
    assert [(row.order_id, row.amount, row.candidate_amount) for row in comparisons()] == [("HP1", None, Decimal(300))]


def of_the_future() -> dict[str, Any]:
    body: dict[str, Any] = with_value(SALE, ("data", "purchase", "price_in_2027"), 300)
    return with_value(body, ("data", "purchase", "price", "value"), MISSING)  # type: ignore[no-any-return]


def test_every_order_of_a_list_is_compared(world: World, try_: Try) -> None:
    try_(Halving())

    world.post_webhook(json.dumps([hotmart(order_id="HP1"), hotmart(order_id="HP2", price=10)]).encode())

    assert [(row.order_id, row.amount, row.candidate_amount) for row in comparisons()] == [
        ("HP1", Decimal("197.9"), Decimal("98.95")),
        ("HP2", Decimal(10), Decimal(5)),
    ]


def test_what_neither_can_read_is_not_compared(world: World, try_: Try) -> None:
    try_(Same())

    assert world.post_webhook(b"{").json() == {"status": "quarantined"}
    assert comparisons() == []


def test_a_comparison_that_cannot_be_kept_costs_no_sale(
    world: World, try_: Try, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OperationalError

    try_(Halving())
    monkeypatch.setattr(trial, "keep_comparisons", fail)

    assert world.post_webhook(SALE).json() == {"status": "recorded"}
    assert (len(conversions()), comparisons()) == (1, [])


def test_no_comparison_holds_a_person_in_clear(world: World, try_: Try, logged: Callable[[], str]) -> None:
    person = Person(
        email="canary.jandira@example.com", phone="11987650001", full_name="Jandira Quintanilha", city="Tatu"
    )
    try_(Changed(buyer=person, buyer_ip="198.51.100.7"))

    world.post_webhook(hotmart(email="canary.beatriz@example.com"))

    (row,) = comparisons()
    assert set(fields(row)) == {"identity"}
    for clear in ("canary.beatriz", "jandira", "quintanilha", "11987650001", "tatu", "198.51.100.7", "987654321"):
        assert [form for form in forms_of(clear) if form.lower() in (everything_stored() + logged()).lower()] == []


def test_the_shortcut_leaves_an_endpoint_on_trial_to_the_long_way(world: World, try_: Try) -> None:
    key, request = (
        world.endpoint_key(),
        WebhookRequest(json.dumps(SALE).encode(), {"x-hotmart-hottok": SECRETS["hotmart"]}),
    )

    def takes() -> bool:
        assert find_endpoint("hotmart", key)
        return read_ordinary("hotmart", key, request, "request-0001") is not None

    taken = []
    for mode in ("off", "shadow", "live"):
        try_(Same(), mode)
        taken.append(takes())

    assert taken == [True, False, False]


def test_without_a_candidate_in_the_registry_the_switch_means_nothing(
    world: World, try_: Try, monkeypatch: pytest.MonkeyPatch
) -> None:
    try_(Halving(), "live")
    monkeypatch.delitem(CANDIDATES, "hotmart")

    world.post_webhook(SALE)

    assert ([row.amount for row in conversions()], comparisons()) == ([Decimal("197.9")], [])


# --- Live ---


def test_live_the_candidates_reading_counts_and_is_compared(world: World, try_: Try) -> None:
    try_(Halving(), "live")

    answer = world.post_webhook(SALE)

    assert answer.json() == {"status": "recorded"}
    assert [row.amount for row in conversions()] == [Decimal("98.95")]
    assert [(row.amount, row.candidate_amount) for row in comparisons()] == [(Decimal("197.9"), Decimal("98.95"))]


def test_live_the_candidate_reads_what_the_one_in_use_cannot(world: World, try_: Try) -> None:
    try_(Learned(), "live")

    assert world.post_webhook(of_the_future()).json() == {"status": "recorded"}
    assert ([row.amount for row in conversions()], quarantined()) == ([Decimal(300)], [])


@pytest.mark.parametrize("candidate", BROKEN.values(), ids=BROKEN)
def test_live_a_candidate_that_fails_gives_way_to_the_one_in_use(world: World, try_: Try, candidate: Adapter) -> None:
    try_(candidate, "live")

    answers = [world.post_webhook(body).json() for body in (SALE, {**SALE, "event": "NOVEL"}, b"{")]

    assert [answer["status"] for answer in answers] == ["recorded", "unknown", "quarantined"]
    assert [row.amount for row in conversions()] == [Decimal("197.9")]


@pytest.mark.parametrize("changes", UNSOUND.values(), ids=UNSOUND)
def test_live_an_unsound_reading_loses_no_sale(world: World, try_: Try, changes: dict[str, Any]) -> None:
    """It is replaced by the reading in use, or kept to be read again: that is done by the one in use."""
    try_(Changed(**changes), "live")

    answer = world.post_webhook(SALE)

    assert answer.status_code == 202
    assert len(conversions()) + len(quarantined()) == 1
    assert [row.amount for row in conversions()] in ([], [Decimal("197.9")])
