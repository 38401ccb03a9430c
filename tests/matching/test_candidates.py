"""What the tables give for a sale: every tie, nobody else's rows, and never more than a sale's share of them."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.core.identity import OTHER_PHONE
from apps.matching import candidates
from apps.matching.candidates import MAX_CANDIDATES, find_facts
from apps.matching.signals import Signal
from apps.matching.sql import NEWEST
from apps.tenants.scoping import unscoped
from tests.matching.look_ups import (
    EIGHT_DIGITS,
    EMAIL,
    FBC,
    FBCLID,
    OTHER_EMAIL,
    OTHER_NUMBER,
    PHONE,
    V4,
    V6,
    facts_of,
    found,
    the_one,
)
from tests.matching.planted import ago, plant_click, plant_sale, plant_visit
from tests.worlds import World

# --- Ties ---


@pytest.mark.parametrize(
    ("of_visit", "of_click", "of_sale", "signal"),
    [
        ({"email_sha256": EMAIL}, {}, {"email_sha256": EMAIL}, Signal.EMAIL),
        ({"phone_sha256": PHONE}, {}, {"phone_sha256": PHONE}, Signal.PHONE),
        ({"phone_sha256": EIGHT_DIGITS}, {}, {"identity": {OTHER_PHONE: [EIGHT_DIGITS]}}, Signal.PHONE),
        ({}, {"fbclid": FBCLID}, {"tracking": {"fbclid": FBCLID}}, Signal.FBC),
        ({}, {"fbc": FBC}, {"tracking": {"fbc": FBC}}, Signal.FBC),
        ({}, {"ip": V4}, {"buyer_ip": V4}, Signal.ADDRESS),
        ({}, {"ip": V6}, {"buyer_ip": "2001:db8:51:7:ffff::1"}, Signal.ADDRESS),
    ],
)
def test_each_thing_shared_ties_a_click_to_the_sale(
    world: World, of_visit: dict[str, str], of_click: dict[str, str], of_sale: dict[str, Any], signal: Signal
) -> None:
    visit = plant_visit(world, ago(2), **of_visit)
    click = plant_click(world, ago(2), visit, **of_click)
    sale, other = plant_sale(world, "HP1", **of_sale), plant_sale(world, "HP2")

    assert found(facts_of(sale)) == {click.public_id: {signal}}
    assert found(facts_of(other)) == {}


def test_an_id_that_came_back_ties_its_click_and_less_so_its_visits_others(world: World) -> None:
    visit = plant_visit(world, ago(3))
    first, last = plant_click(world, ago(3), visit), plant_click(world, ago(2), visit)

    by_click = facts_of(plant_sale(world, "HP1", click_ref=first.public_id))
    by_visit = facts_of(plant_sale(world, "HP2", session_ref=visit.public_id))

    assert found(by_click) == {first.public_id: {Signal.CLICK_ID}, last.public_id: {Signal.BROWSER}}
    assert found(by_visit) == {click.public_id: {Signal.SESSION_ID} for click in (first, last)}
    assert [by_click.sale.carries, by_visit.sale.carries] == ["known", "known"]


def test_a_visit_that_only_a_clicks_id_names_is_not_led_to_by_itself(world: World) -> None:
    visit = plant_visit(world, ago(3), fbp="fb.1.1.1", email_sha256=OTHER_EMAIL)
    click = plant_click(world, ago(3), visit)

    facts = facts_of(plant_sale(world, "HP1", click_ref=click.public_id, email_sha256=EMAIL))

    assert found(facts) == {click.public_id: {Signal.CLICK_ID, Signal.OTHER_IDENTITY}}


def test_a_visit_leads_on_to_those_of_its_browser_and_of_its_person(world: World) -> None:
    named = plant_visit(world, ago(1.1), email_sha256=EMAIL, phone_sha256=OTHER_NUMBER, fbp="fb.1.1.1")
    same_browser = plant_click(world, ago(2), plant_visit(world, ago(2), fbp="fb.1.1.1"), fbp="fb.1.1.1")
    same_person = plant_click(world, ago(3), plant_visit(world, ago(3), phone_sha256=OTHER_NUMBER))
    plant_click(world, ago(3), plant_visit(world, ago(3), fbp="fb.1.1.2", phone_sha256=PHONE))

    facts = facts_of(plant_sale(world, "HP1", email_sha256=EMAIL))

    assert found(facts) == {same_browser.public_id: {Signal.BROWSER}, same_person.public_id: {Signal.PERSON}}
    assert [visit.visit_pk for visit in facts.visits] == sorted(visit.visit_pk for visit in facts.visits)
    assert next(visit.signals for visit in facts.visits if visit.visit_pk == named.pk) == {Signal.EMAIL}
    browser = {item.click_id: item.browser for item in facts.candidates}
    assert browser == {same_browser.public_id: 1, same_person.public_id: 0}


@pytest.mark.parametrize(
    ("of_visit", "is_other"),
    [
        ({"email_sha256": OTHER_EMAIL}, True),
        ({"phone_sha256": OTHER_NUMBER}, True),
        ({"email_sha256": OTHER_EMAIL, "phone_sha256": PHONE}, False),
        ({"phone_sha256": EIGHT_DIGITS}, False),
        ({}, False),
    ],
)
def test_whoever_gave_only_other_names_there_speaks_against_it(
    world: World, of_visit: dict[str, str], is_other: bool
) -> None:
    click = plant_click(world, ago(2), plant_visit(world, ago(2), **of_visit))

    identity = {OTHER_PHONE: [EIGHT_DIGITS]}
    sale = plant_sale(
        world, "HP1", click_ref=click.public_id, email_sha256=EMAIL, phone_sha256=PHONE, identity=identity
    )

    assert (Signal.OTHER_IDENTITY in the_one(facts_of(sale)).signals) is is_other


@pytest.mark.parametrize(
    ("columns", "asked"),
    [
        ({"fbclid": FBCLID}, {"tracking": {"fbclid": FBCLID.upper()}}),
        ({"ip": V4}, {"buyer_ip": "203.0.113.10"}),
        ({"ip": V6}, {"buyer_ip": "2001:db8:51:8::2a"}),
        ({"ip": None}, {"buyer_ip": V4}),
        ({"fbclid": ""}, {"tracking": {"fbclid": ""}}),
        ({"fbc": ""}, {"tracking": {"fbc": "", "fbp": "fb.1.1.1"}}),
        ({"fbclid": FBCLID, "is_automated": True}, {"tracking": {"fbclid": FBCLID}}),
        ({"ip": V4, "is_automated": True}, {"buyer_ip": V4}),
    ],
)
def test_what_is_not_the_same_or_a_machines_ties_nothing(
    world: World, columns: dict[str, Any], asked: dict[str, Any]
) -> None:
    plant_click(world, ago(2), **columns)

    facts = facts_of(plant_sale(world, "HP1", **asked))

    assert (facts.candidates, facts.visits, facts.cut) == ([], [], ())


# --- Nobody else's ---


def test_another_tenants_rows_are_never_found_whatever_they_share(
    world: World, other_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: Counter[str] = Counter()
    monkeypatch.setattr(candidates, "count", lambda name, amount: counted.update({name: amount}))
    theirs = plant_visit(other_world, ago(2), email_sha256=EMAIL, phone_sha256=PHONE, fbp="fb.1.1.1")
    click = plant_click(other_world, ago(2), theirs, fbclid=FBCLID, fbc=FBC, ip=V4, fbp="fb.1.1.1")
    ours = plant_visit(world, ago(1.1), email_sha256=EMAIL, fbp="fb.1.1.1")

    sale = plant_sale(
        world,
        "HP1",
        click_ref=click.public_id,
        session_ref=theirs.public_id,
        email_sha256=EMAIL,
        phone_sha256=PHONE,
        tracking={"fbclid": FBCLID, "fbc": FBC},
        buyer_ip=V4,
    )
    facts = facts_of(sale)

    assert (facts.candidates, facts.cut, facts.sale.carries) == ([], (), "foreign")
    assert [visit.visit_pk for visit in facts.visits] == [ours.pk]
    assert counted == {"foreign_ids_carried": 2}


def test_an_id_that_nobody_has_is_unknown_and_not_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "count", lambda *counted: pytest.fail(f"counted {counted}"))

    facts = facts_of(plant_sale(world, "HP1", click_ref="htc" + "0" * 24))

    assert (facts.candidates, facts.sale.carries) == ([], "unknown")


# --- Bounds ---


def test_a_shared_email_is_cut_too_and_all_together_are_bounded(world: World) -> None:
    for place in range(60):
        visit = plant_visit(world, ago(2 + place / 1000), email_sha256=EMAIL)
        for _ in range(3):
            plant_click(world, ago(2 + place / 1000), visit)

    facts = facts_of(plant_sale(world, "HP1", email_sha256=EMAIL))

    assert len(facts.candidates) == MAX_CANDIDATES
    assert len(facts.visits) == NEWEST
    assert facts.cut == ("email", "candidates")


def test_hashes_shared_in_a_circle_come_to_an_end(world: World) -> None:
    circle = [(EMAIL, PHONE), (EMAIL, OTHER_NUMBER), (OTHER_EMAIL, OTHER_NUMBER), (OTHER_EMAIL, PHONE)]
    clicks = [
        plant_click(world, ago(2), plant_visit(world, ago(2), email_sha256=email, phone_sha256=phone))
        for email, phone in circle
    ]

    facts = facts_of(plant_sale(world, "HP1", email_sha256=EMAIL))

    assert found(facts) == {
        clicks[0].public_id: {Signal.EMAIL},
        clicks[1].public_id: {Signal.EMAIL},
        # Each is one step from a visit that the sale names; from there nothing leads further.
        clicks[2].public_id: {Signal.PERSON, Signal.OTHER_IDENTITY},
        clicks[3].public_id: {Signal.PERSON, Signal.OTHER_IDENTITY},
    }


def test_a_sale_without_anything_to_go_by_finds_nothing_in_one_statement(world: World) -> None:
    plant_click(world, ago(2), plant_visit(world, ago(2)))
    sale = plant_sale(world, "HP1")

    with CaptureQueriesContext(connection) as queries:
        facts = find_facts([sale], {sale.pk: 7})[sale.pk]

    assert (facts.candidates, facts.visits, facts.cut, facts.sale.carries) == ([], [], (), "")
    assert len(queries) == 1


def test_each_sale_of_a_batch_has_its_own(world: World) -> None:
    clicks = [plant_click(world, ago(2)) for _ in range(3)]
    sales = [plant_sale(world, f"HP{place}", click_ref=click.public_id) for place, click in enumerate(clicks)]

    with unscoped(), CaptureQueriesContext(connection) as queries:
        facts = find_facts(sales, {sale.pk: 7 for sale in sales})

    assert [set(found(facts[sale.pk])) for sale in sales] == [{click.public_id} for click in clicks]
    assert len(queries) == 1


def test_no_sale_finds_nothing(db: None) -> None:
    assert find_facts([], {}) == {}


def test_each_sale_is_asked_about_in_its_own_window(world: World) -> None:
    click = plant_click(world, timezone.now() - timedelta(days=20), ip=V4)
    sale = plant_sale(world, "HP1", buyer_ip=V4)

    assert found(facts_of(sale, days=7)) == {}
    assert found(facts_of(sale, days=30)) == {click.public_id: {Signal.ADDRESS}}
