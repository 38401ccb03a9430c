"""Matching against the database: every signal, nobody else's clicks, a fixed number of statements."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from apps.clicks.models import Click
from apps.conversions.models import Conversion
from apps.core.identity import hash_email, hash_phone
from apps.matching.candidates import find_candidates
from apps.matching.evidence import explain_match
from apps.matching.models import Match
from apps.pipeline.stages import match_batch
from apps.tenants.scoping import unscoped
from tests.platforms import ScriptedPlatform
from tests.worlds import World, hotmart


def matched(world: World, order_id: str = "HP1") -> dict[str, Any]:
    with unscoped():
        match_batch()
    found: dict[str, Any] = world.conversion(order_id)["match"]
    return found


def test_the_click_id_is_found_in_any_case_and_inside_other_text(world: World) -> None:
    ids = world.click()

    world.post_webhook(hotmart(sck=f"campanha|{ids['click_id'].upper()}|x", order_id="HP1"))

    assert (matched(world)["rule"], matched(world)["click_id"]) == ("explicit_click_id", ids["click_id"])


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
    ],
)
def test_what_the_visitor_typed_matches_what_the_buyer_typed(world: World, typed: dict[str, str], rule: str) -> None:
    ids = world.click(**typed)

    world.post_webhook(hotmart(order_id="HP1"))

    assert (matched(world)["rule"], matched(world)["click_id"]) == (rule, ids["click_id"])


def test_identity_given_later_in_the_session_counts_for_its_click(world: World) -> None:
    ids = world.click()
    world.client.post(
        "/api/v1/track/initiate_checkout",
        {
            "public_key": world.funnel.public_key,
            "url": "https://cursosdaana.example.com/checkout",
            "session_id": ids["session_id"],
            "email": "beatriz@example.com",
        },
        content_type="application/json",
    )

    world.post_webhook(hotmart(order_id="HP1"))

    assert (matched(world)["rule"], matched(world)["click_id"]) == ("email_hash", ids["click_id"])


def test_another_tenants_click_never_matches(world: World, other_world: World) -> None:
    ids = other_world.click(email="beatriz@example.com", phone="11987654321")

    world.post_webhook(hotmart(order_id="HP1", sck=ids["click_id"]))

    found = matched(world)
    assert (found["decision"], found["click_id"], found["evidence"]) == ("unmatched", None, [])


def test_a_click_outside_the_funnels_window_is_evidence_not_a_match(world: World) -> None:
    ids = world.click(email="beatriz@example.com")
    with unscoped():
        Click.objects.update(clicked_at="2020-01-01T00:00:00Z")

    world.post_webhook(hotmart(order_id="HP1", sck=ids["click_id"]))

    found = matched(world)
    assert found["decision"] == "unmatched"
    assert found["evidence"][0]["reason_code"] == "outside_window"


def test_a_match_once_found_is_kept_when_the_order_changes(world: World, platform: ScriptedPlatform) -> None:
    first = world.click(email="beatriz@example.com")
    world.post_webhook(hotmart("PURCHASE_BILLET_PRINTED", order_id="HP1"))
    assert matched(world)["click_id"] == first["click_id"]

    world.click(email="beatriz@example.com")
    world.post_webhook(hotmart(order_id="HP1"))

    assert matched(world)["click_id"] == first["click_id"]


def test_an_unmatched_order_is_looked_at_again_when_it_changes(world: World) -> None:
    world.post_webhook(hotmart("PURCHASE_BILLET_PRINTED", order_id="HP1"))
    assert matched(world)["decision"] == "unmatched"

    ids = world.click(email="beatriz@example.com")
    world.post_webhook(hotmart(order_id="HP1"))

    assert matched(world)["click_id"] == ids["click_id"]


def test_a_batch_takes_the_same_statements_whatever_its_size(world: World) -> None:
    counts = []
    for size in (1, 30):
        for number in range(size):
            ids = world.click(email=f"buyer{number}@example.com")
            world.post_webhook(hotmart(order_id=f"HP{size}-{number}", sck=ids["click_id"]))
        with unscoped(), CaptureQueriesContext(connection) as queries:
            assert match_batch().rows == size
        counts.append(len([query for query in queries if "SAVEPOINT" not in query["sql"]]))

    assert counts[0] == counts[1] == 13, [query["sql"][:150] for query in queries]


def test_a_thousand_clicks_of_one_visitor_give_a_bounded_number_of_candidates(world: World) -> None:
    ids = world.click(email="beatriz@example.com")
    with unscoped():
        clicks = list(Click.objects.all())
        Click.objects.bulk_create(
            Click(
                tenant=clicks[0].tenant,
                funnel=clicks[0].funnel,
                session=clicks[0].session,
                public_id=f"htcclone{number}",
                landing_url="https://x.example.com",
                correlation_id="x",
            )
            for number in range(1000)
        )
        world.post_webhook(hotmart(order_id="HP1", sck=ids["click_id"]))
        match_batch()
        match = Match.objects.get()

    assert len(match.evidence) <= 41
    assert match.rule == "explicit_click_id"


def test_the_sentence_says_who_was_chosen_and_why(world: World) -> None:
    ids = world.click(email="beatriz@example.com")
    world.post_webhook(hotmart(order_id="HP1", sck=ids["click_id"]))
    with unscoped():
        match_batch()
        match = Match.objects.get()

    with translation.override("en"):
        sentence = explain_match(match)

    assert sentence.startswith("Chosen: the click id that came back through the gateway, the same e-mail; clicked ")
    assert sentence.endswith("Confidence 100 %, 0 other candidates.")


@pytest.mark.django_db
def test_no_sale_no_statement() -> None:
    assert find_candidates([]) == {}


@pytest.mark.parametrize("is_automated", [True, False])
@pytest.mark.parametrize("signal", ["click_id", "session_id", "email", "phone", "fbclid", "fbc"])
def test_a_machines_click_never_matches(world: World, signal: str, is_automated: bool) -> None:
    fbc = "fb.1.1763640000000.IwAR-machine"
    ids = world.click(email="beatriz@example.com", phone="11987654321", fbclid="IwAR-machine", fbc=fbc)
    world.post_webhook(hotmart(order_id="HP1", email="nobody@example.com", phone=""))
    told: dict[str, Any] = {
        "click_id": {"click_ref": ids["click_id"]},
        "session_id": {"session_ref": ids["session_id"]},
        "email": {"email_sha256": hash_email("beatriz@example.com")},
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
    ids = world.click(email="beatriz@example.com")
    world.click(email="beatriz@example.com")
    with unscoped():
        Click.objects.exclude(public_id=ids["click_id"]).update(is_automated=True)

    world.post_webhook(hotmart(order_id="HP1"))

    assert matched(world)["click_id"] == ids["click_id"]
