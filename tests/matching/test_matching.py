"""Matching through the real flow: pages click, gateways post, the lane decides, the API shows it."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.clicks.models import Click, Session
from apps.conversions.models import Conversion
from apps.core.identity import hash_email, hash_phone
from apps.matching.models import Match
from apps.matching.record import decide_again
from apps.matching.services import match_conversions
from apps.matching.sql import NEWEST
from apps.matching.weights import SHIPPED
from apps.pipeline.stages import match_batch
from apps.tenants.scoping import unscoped
from tests.matching.unsure import make_older
from tests.worlds import World, hotmart

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
BUYER = "beatriz@example.com"


def matched(world: World, order_id: str = "HP1") -> dict[str, Any]:
    with unscoped():
        match_batch()
    found: dict[str, Any] = world.conversion(order_id)["match"]
    return found


def the_match() -> Match:
    with unscoped():
        match: Match = Match.objects.get()
    return match


def test_the_click_id_is_found_in_any_case_and_inside_other_text(world: World) -> None:
    ids = world.click()

    world.post_webhook(hotmart(sck=f"campanha|{ids['click_id'].upper()}|x", order_id="HP1"))

    found = matched(world)
    assert (found["decision"], found["rule"], found["click_id"]) == ("auto", "explicit_click_id", ids["click_id"])


def test_the_session_id_leads_to_its_last_click(world: World) -> None:
    first = world.click()
    last = world.click(session_id=first["session_id"])

    world.post_webhook(hotmart(sck=first["session_id"], order_id="HP1"))

    found = matched(world)
    assert last["session_id"] == first["session_id"]
    assert (found["rule"], found["click_id"]) == ("explicit_session_id", last["click_id"])
    assert [item["reason_code"] for item in found["evidence"]] == ["won", "earlier_click"]


@pytest.mark.parametrize(
    ("typed", "rule"),
    [
        ({"email": " Beatriz@Example.com "}, "email_hash"),
        ({"phone": "(11) 98765-4321"}, "phone_hash"),
        ({"phone": "+55 11 98765-4321"}, "phone_hash"),
        ({"phone": "(11) 8765-4321"}, "phone_hash"),
        ({"email": hash_email(BUYER)}, "email_hash"),
    ],
)
def test_what_the_visitor_typed_matches_what_the_buyer_typed(world: World, typed: dict[str, str], rule: str) -> None:
    ids = world.click(**typed)

    world.post_webhook(hotmart(order_id="HP1"))

    found = matched(world)
    assert (found["decision"], found["rule"], found["click_id"]) == ("auto", rule, ids["click_id"])


def test_a_buyer_of_eight_digits_is_a_visitor_of_nine(world: World) -> None:
    ids = world.click(phone="(11) 98765-4321")

    world.post_webhook(hotmart(order_id="HP1", email="", phone="87654321"))

    assert (matched(world)["rule"], matched(world)["click_id"]) == ("phone_hash", ids["click_id"])


def test_identity_given_later_in_the_session_counts_for_its_click(world: World) -> None:
    ids = world.click()
    world.client.post(
        "/api/v1/track/initiate_checkout",
        {
            "public_key": world.funnel.public_key,
            "url": "https://cursosdaana.example.com/checkout",
            "session_id": ids["session_id"],
            "email": BUYER,
        },
        content_type="application/json",
    )

    world.post_webhook(hotmart(order_id="HP1"))

    assert (matched(world)["rule"], matched(world)["click_id"]) == ("email_hash", ids["click_id"])


# --- Nobody else's, and nobody's ---


def test_another_tenants_click_never_matches_and_the_explanation_says_so(world: World, other_world: World) -> None:
    ids = other_world.click(email=BUYER, phone="11987654321", fbclid="IwAR-theirs")

    world.post_webhook(hotmart(order_id="HP1", sck=ids["click_id"]))

    found = matched(world)
    assert (found["decision"], found["click_id"], found["evidence"]) == ("unmatched", None, [])
    assert the_match().record["sale"]["carries"] == "foreign"


@pytest.mark.parametrize("nothing", ["", " ", "null", "undefined", "None"])
def test_people_without_a_name_are_not_one_person(world: World, nothing: str) -> None:
    """Whatever a page or gateway sends where it knows nobody: their hashes would tie strangers together."""
    world.click(email=nothing, phone=nothing)
    world.click(email=EMPTY, phone=EMPTY.upper())

    world.post_webhook(hotmart(order_id="HP1", email=EMPTY, phone=nothing))
    world.post_webhook(hotmart(order_id="HP2", email=nothing, phone=""))

    assert [matched(world, order)["evidence"] for order in ("HP1", "HP2")] == [[], []]
    with unscoped():
        assert set(Session.objects.values_list("email_sha256", "phone_sha256")) == {("", "")}
        assert set(Conversion.objects.values_list("email_sha256", flat=True)) == {""}


def test_a_sale_without_any_signal_is_unmatched_and_told_so(world: World) -> None:
    world.click()

    world.post_webhook(hotmart(order_id="HP1", email="", phone=""))

    found = matched(world)
    assert (found["decision"], found["rule"], found["confidence"]) == ("unmatched", "", 0.0)
    assert (found["click_id"], found["evidence"]) == (None, [])


def test_a_click_outside_the_funnels_window_is_evidence_not_a_match(world: World) -> None:
    ids = world.click(email=BUYER)
    make_older(ids["session_id"], days=8)

    world.post_webhook(hotmart(order_id="HP1", sck=ids["click_id"]))

    found = matched(world)
    assert (found["decision"], found["click_id"]) == ("unmatched", None)
    assert found["evidence"][0]["reason_code"] == "outside_window"


# --- Again ---


def test_an_unmatched_order_is_looked_at_again_when_it_changes(world: World) -> None:
    world.post_webhook(hotmart("PURCHASE_BILLET_PRINTED", order_id="HP1"))
    assert matched(world)["decision"] == "unmatched"

    ids = world.click(email=BUYER)
    world.post_webhook(hotmart(order_id="HP1"))

    assert matched(world)["click_id"] == ids["click_id"]


def test_matching_twice_decides_the_same_and_keeps_one_match(world: World) -> None:
    world.click(email=BUYER)
    world.click(phone="11987654321")
    world.post_webhook(hotmart(order_id="HP1"))
    first = matched(world)
    before = the_match()

    with unscoped():
        Conversion.objects.update(match_due_at="2026-01-01T00:00:00Z")

    assert matched(world) == first
    after = the_match()
    assert (after.pk, after.record, after.evidence) == (before.pk, before.record, before.evidence)


def test_what_is_stored_reproduces_the_decision(world: World) -> None:
    for typed in ({"email": BUYER}, {"phone": "11987654321"}, {"fbclid": "IwAR-ana"}):
        world.click(**typed)
    world.post_webhook(hotmart(order_id="HP1"))
    matched(world)

    match = the_match()
    again = decide_again(match.record, match.evidence, SHIPPED[match.record["weights"]])

    assert (again.decision, again.rule, again.confidence) == (match.decision, match.rule, match.confidence)
    assert again.evidence == match.evidence
    assert match.rule_set == "scored-1 product-1"


# --- Scale ---


def test_a_batch_takes_the_same_statements_whatever_its_size(world: World) -> None:
    world.post_webhook(hotmart(order_id="HP0"))
    world.match()
    counts = []
    for size in (1, 30):
        for number in range(size):
            ids = world.click(email=f"buyer{number}@example.com")
            world.post_webhook(hotmart(order_id=f"HP{size}-{number}", sck=ids["click_id"]))
        with unscoped(), CaptureQueriesContext(connection) as queries:
            assert match_batch().rows == size
        counts.append(len([query for query in queries if "SAVEPOINT" not in query["sql"]]))

    assert counts[0] == counts[1] == 15, [query["sql"][:150] for query in queries]


def test_a_thousand_clicks_of_one_visitor_give_a_bounded_number_of_candidates(world: World) -> None:
    ids = world.click(email=BUYER)
    with unscoped():
        (click,) = Click.objects.all()
        Click.objects.bulk_create(
            Click(
                tenant_id=click.tenant_id,
                funnel_id=click.funnel_id,
                session_id=click.session_id,
                public_id=f"htcclone{number}",
                landing_url="https://x.example.com",
                correlation_id="x",
            )
            for number in range(1000)
        )

    world.post_webhook(hotmart(order_id="HP1", sck=ids["click_id"]))

    found = matched(world)
    assert (found["rule"], found["click_id"]) == ("explicit_click_id", ids["click_id"])
    assert len(found["evidence"]) <= 1 + NEWEST


def test_no_sale_no_statement(db: None) -> None:
    with unscoped(), CaptureQueriesContext(connection) as queries:
        assert match_conversions([], {}) == {}

    assert len(queries) == 0


# --- Machines ---


@pytest.mark.parametrize("is_automated", [True, False])
@pytest.mark.parametrize("signal", ["click_id", "session_id", "email", "phone", "fbclid", "fbc"])
def test_a_machines_click_never_matches(world: World, signal: str, is_automated: bool) -> None:
    fbc = "fb.1.1763640000000.IwAR-machine"
    ids = world.click(email=BUYER, phone="11987654321", fbclid="IwAR-machine", fbc=fbc)
    world.post_webhook(hotmart(order_id="HP1", email="nobody@example.com", phone=""))
    told: dict[str, Any] = {
        "click_id": {"click_ref": ids["click_id"]},
        "session_id": {"session_ref": ids["session_id"]},
        "email": {"email_sha256": hash_email(BUYER)},
        "phone": {"phone_sha256": hash_phone("11987654321")},
        "fbclid": {"tracking": {"fbclid": "IwAR-machine"}},
        "fbc": {"tracking": {"fbc": fbc}},
    }
    with unscoped():
        Click.objects.update(is_automated=is_automated)
        Conversion.objects.update(**told[signal])

    found = matched(world)

    assert [item["click_id"] for item in found["evidence"]] == ([] if is_automated else [ids["click_id"]])
    assert (found["click_id"] is None) is is_automated


def test_a_visitors_click_is_found_behind_a_machines(world: World) -> None:
    ids = world.click(email=BUYER)
    world.click(email=BUYER)
    with unscoped():
        Click.objects.exclude(public_id=ids["click_id"]).update(is_automated=True)

    world.post_webhook(hotmart(order_id="HP1"))

    assert matched(world)["click_id"] == ids["click_id"]
