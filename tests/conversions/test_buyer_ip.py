"""The buyer's address of an order: what counts as one, which of several is kept, and that nobody outside reads it."""

import logging
from itertools import permutations
from typing import Any

import pytest

from apps.conversions.facts import OrderFact, read_fact
from apps.conversions.services import settle_matching
from apps.conversions.transitions import fold
from apps.gateways.events import GatewayEvent, Kind
from apps.tenants.scoping import unscoped
from tests.conversions.deliveries import conversion, count_rows, endpoint_of, record
from tests.conversions.facts import NOON, fact
from tests.platforms import ScriptedPlatform
from tests.worlds import World, hotmart

V4, V6 = "203.0.113.9", "2001:db8:51::2a"


def kept_of(told: str | None) -> str:
    return read_fact(GatewayEvent(Kind.APPROVED, "paid", order_id="HP1", buyer_ip=told), NOON).buyer_ip


def sale_from(told: str) -> dict[str, Any]:
    body = hotmart(order_id="HP1")
    body["data"]["purchase"]["buyer_ip"] = told
    return body


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        (V4, V4),
        (f" {V4}\n", V4),
        ("8.8.8.8", "8.8.8.8"),
        ("172.15.255.255", "172.15.255.255"),
        ("172.32.0.0", "172.32.0.0"),
        ("100.64.0.1", "100.64.0.1"),
        ("2001:DB8:0051:0:0:0:0:2A", V6),
        ("2001:db8:51:0::2a", V6),
        (f"{V6}%eth0", V6),
        (f"::ffff:{V4}", V4),
        ("::FFFF:cb00:7109", V4),
    ],
)
def test_an_address_is_kept_in_one_form(told: str, kept: str) -> None:
    assert kept_of(told) == kept


@pytest.mark.parametrize(
    "told",
    [
        *(
            None,
            "",
            " ",
            "unknown",
            "203.0.113",
            "203.0.113.256",
            "203.0.113.009",
            f"{V4}, {V4}",
            f"{V4}:443",
            f"{V4}/32",
        ),
        *("２０３.0.113.9", f"{V4}\x00", "2001:db8::51::2a", f"[{V6}]", "%eth0", "9" * 5_000, ":" * 5_000),
    ],
    ids=lambda told: repr(told)[:20],
)
def test_what_is_no_address_is_none(told: str | None) -> None:
    assert kept_of(told) == ""


@pytest.mark.parametrize(
    "told",
    [
        *("127.0.0.1", "127.255.255.255", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.10"),
        *(
            "169.254.1.1",
            "224.0.0.1",
            "0.0.0.0",
            "::1",
            "::",
            "fe80::1",
            "fe80::1%eth0",
            "fc00::1",
            "fdff::1",
            "ff02::1",
        ),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0.0.0.0"),
    ],
)
def test_an_address_that_no_buyer_can_have_is_none(told: str) -> None:
    assert kept_of(told) == ""


def test_an_unknown_address_takes_no_room_in_a_fact() -> None:
    assert "buyer_ip" not in fact(Kind.APPROVED).to_json()
    assert fact(Kind.APPROVED, buyer_ip=V6).to_json()["buyer_ip"] == V6


def test_a_fact_of_before_addresses_were_kept_has_none() -> None:
    told = OrderFact.from_json({"kind": "purchase_approved", "occurred_at": "2026-11-20T12:00:00Z"})

    assert told.buyer_ip == ""
    assert fold([told]).buyer_ip is None


PENDING = fact(Kind.PAYMENT_PENDING, 0, "100", buyer_ip=V4)
APPROVED = fact(Kind.APPROVED, 1, "100", buyer_ip=V6)
SILENT = fact(Kind.APPROVED, 2, "100")
REFUNDED = fact(Kind.REFUNDED, 3, buyer_ip="198.51.100.7")


@pytest.mark.parametrize(
    ("story", "kept"),
    [
        ([PENDING], V4),
        ([PENDING, APPROVED], V6),
        ([PENDING, SILENT], V4),
        ([PENDING, APPROVED, SILENT, REFUNDED], V6),
        ([PENDING, REFUNDED], "198.51.100.7"),
        ([SILENT], None),
    ],
)
def test_the_sales_own_address_is_kept_whatever_came_first(story: list[OrderFact], kept: str | None) -> None:
    assert {fold(order).buyer_ip for order in permutations(story)} == {kept}


@pytest.mark.parametrize("told", [V4, V6, f"::ffff:{V4}"])
def test_a_webhooks_address_reaches_the_order(world: World, told: str) -> None:
    assert world.post_webhook(sale_from(told)).status_code == 202

    assert conversion().buyer_ip == kept_of(told)


@pytest.mark.parametrize("told", ["not an address", "127.0.0.1", "fe80::1%eth0", "", None, 7])
def test_an_address_that_cannot_be_kept_costs_no_sale(world: World, told: Any) -> None:
    assert world.post_webhook(sale_from(told)).status_code == 202

    assert (conversion().status, conversion().buyer_ip) == ("approved", None)
    assert count_rows() == (1, 1)


def test_an_address_told_later_has_the_order_matched_again(world: World) -> None:
    endpoint = endpoint_of(world)

    def tell(said: OrderFact) -> tuple[str | None, bool]:
        """The address then kept, and whether the order is due for matching; it is settled after that."""
        record(endpoint, said)
        row = conversion()
        with unscoped():
            settle_matching([row])
        return row.buyer_ip, row.match_due_at is not None

    assert [tell(said) for said in (SILENT, PENDING, PENDING)] == [(None, True), (V4, True), (V4, False)]


def test_the_address_leaves_by_no_answer_no_send_and_no_log(
    world: World, platform: ScriptedPlatform, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    world.post_webhook(sale_from(V4))
    world.run_stages()
    event = world.event("HP1")

    paths = ["conversions", "events", f"events/{event['event_id']}", "quarantine", "drift"]
    paths += [f"endpoints/{endpoint_of(world).id}/rollout", f"funnels/{world.funnel.pk}/signals"]
    answers = [world.get(path) for path in paths]

    assert conversion().buyer_ip == V4
    assert [answer.status_code for answer in answers] == [200] * len(paths)
    assert platform.names == ["Purchase"]
    told = [*(answer.text for answer in answers), repr(platform.received), *(repr(vars(row)) for row in caplog.records)]
    assert [text for text in told if V4 in text] == []


def test_the_address_is_in_no_repr() -> None:
    said = fact(Kind.APPROVED, buyer_ip=V4)

    assert (said.buyer_ip, fold([said]).buyer_ip) == (V4, V4)
    assert V4 not in f"{said!r} {fold([said])!r}"
