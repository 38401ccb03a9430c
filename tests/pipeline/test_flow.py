"""The whole flow in one process: page, gateway, stages, and a platform that answers over real HTTP."""

from apps.pipeline.stages import match_batch
from apps.tenants.scoping import unscoped
from tests.worlds import World, hotmart


def test_a_sale_with_the_click_id_becomes_one_pending_purchase(world: World) -> None:
    ids = world.click(fbclid="IwAR0-Some.Opaque_Value", consent_ads=True)

    answer = world.post_webhook(hotmart(order_id="HP1", sck=ids["click_id"]))
    with unscoped():
        progress = match_batch()

    assert (answer.status_code, answer.json()) == (202, {"status": "recorded"})
    assert progress.rows == 1
    order = world.conversion("HP1")
    assert (order["status"], order["amount"], order["currency"]) == ("approved", "197.90", "BRL")
    assert order["match"]["click_id"] == ids["click_id"]
    assert order["match"]["rule"] == "explicit_click_id"
    assert [event["status"] for event in order["events"]] == ["pending"]
