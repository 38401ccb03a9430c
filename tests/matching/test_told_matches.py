"""A match that no platform was told of improves with what comes late; one that was told stays, the better beside it."""

from apps.conversions.models import Conversion
from apps.core.ids import new_id
from apps.dispatch.models import Send
from apps.funnels.selectors import published_configs
from apps.matching.models import Match
from apps.matching.services import match_conversions
from apps.tenants.scoping import unscoped
from tests.matching.late import BUYER, chosen, identify, match_of, run_lanes, send_late_click
from tests.platforms import ScriptedPlatform
from tests.worlds import World, hotmart


def decide_anew(*, told: bool) -> Match:
    """Matching by itself, of all sales, which a platform has heard of or not."""
    with unscoped():
        rows = list(Conversion.objects.all())
        configs = published_configs(row.funnel_id for row in rows)
        (match,) = match_conversions(rows, configs, told={row.pk for row in rows} if told else set()).values()
    return match


def test_a_better_click_replaces_one_that_nobody_was_told_of(world: World) -> None:
    visit = new_id("hts")
    former = world.click(email=BUYER)
    world.post_webhook(hotmart(order_id="HP1", sck=visit))
    run_lanes()
    assert chosen() == ("auto", "email_hash", former["click_id"])
    click_id = send_late_click(world, visit)

    match = decide_anew(told=False)

    assert chosen() == ("auto", "explicit_session_id", click_id)
    assert (match_of().better, match.better) == (None, None)


def test_what_was_told_stays_and_the_better_answer_is_kept_beside_it(world: World) -> None:
    visit = new_id("hts")
    former = world.click(email=BUYER)
    world.post_webhook(hotmart(order_id="HP1", sck=visit))
    run_lanes()
    before = match_of()
    click_id = send_late_click(world, visit)

    decide_anew(told=True)

    assert chosen() == ("auto", "email_hash", former["click_id"])
    assert (match_of().evidence, match_of().record) == (before.evidence, before.record)
    better = match_of().better
    assert better is not None
    assert better.pop("confidence") > before.confidence
    assert better == {"click_id": click_id, "decision": "auto", "rule": "explicit_session_id"}


def test_what_is_less_sure_or_the_same_is_no_better_answer(world: World) -> None:
    ids = world.click()
    world.post_webhook(hotmart(order_id="HP1", sck=ids["click_id"]))
    run_lanes()
    world.click(email=BUYER)

    decide_anew(told=True)

    assert chosen() == ("auto", "explicit_click_id", ids["click_id"])
    assert match_of().better is None


def test_a_sale_that_was_sent_without_a_click_learns_of_it_and_is_not_sent_again(
    world: World, platform: ScriptedPlatform
) -> None:
    ids = world.click(fbclid="IwAR-late")
    world.post_webhook(hotmart(order_id="HP1"))
    world.run_stages()
    assert platform.names == ["Purchase"]

    identify(world, ids["session_id"], email=BUYER)
    run_lanes()
    world.run_stages()

    assert chosen() == ("unmatched", "", None)
    better = match_of().better
    assert better is not None
    assert (better["click_id"], better["rule"]) == (ids["click_id"], "email_hash")
    assert platform.names == ["Purchase"]


def test_a_sale_that_waits_to_be_sent_goes_with_the_click_that_came_late(
    world: World, platform: ScriptedPlatform
) -> None:
    ids = world.click(fbclid="IwAR-late", fbp="fb.1.1700000000000.7")
    world.post_webhook(hotmart(order_id="HP1"))
    run_lanes()
    with unscoped():
        assert list(Send.objects.values_list("attempts", flat=True)) == [0]

    identify(world, ids["session_id"], email=BUYER)
    run_lanes()
    world.run_stages()

    (sent,) = platform.received[0]["data"]
    assert sent["user_data"]["fbp"] == "fb.1.1700000000000.7"
    assert sent["user_data"]["fbc"].endswith(".IwAR-late")
