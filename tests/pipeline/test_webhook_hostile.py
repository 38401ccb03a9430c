"""Genuine webhooks with bad contents: none is lost, none crashes anything, the unreadable are kept encrypted."""

import json
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from apps.conversions.services import record
from apps.gateways.registry import ADAPTERS
from apps.gateways.request import WebhookRequest
from apps.pipeline.keeping import UNSTORABLE
from tests.gateways.samples import WRONG_VALUES, places, with_value
from tests.pipeline.bodies import stripe_checkout
from tests.pipeline.database import conversions, count_everything, deliveries, everything_stored, quarantined
from tests.pipeline.hostile import ACCEPTED, GATEWAYS, UNREADABLE, Hostile, sale
from tests.worlds import SECRETS, World, hotmart

DAY = timedelta(days=1)


@pytest.mark.parametrize("hostile", UNREADABLE, ids=str)
@pytest.mark.parametrize("gateway", GATEWAYS)
def test_what_cannot_be_read_is_kept_to_the_byte_and_encrypted(world: World, gateway: str, hostile: Hostile) -> None:
    body = hostile.make(gateway)

    answer = world.post_webhook(body, gateway=gateway, **{"x-request-id": "hostile-0001"})

    assert (answer.status_code, answer.json()) == (202, {"status": "quarantined"})
    (kept,) = quarantined()
    assert kept.body == body
    assert kept.path.split(" or ")[0] == hostile.expected_path(gateway)
    assert (kept.state, kept.due_at) == ("waiting", None)
    assert kept.expected
    assert kept.found
    assert (kept.delivery.outcome, kept.delivery.gateway) == ("quarantined", gateway)
    assert kept.delivery.correlation_id == "hostile-0001"
    assert conversions() == []


@pytest.mark.parametrize("hostile", ACCEPTED, ids=str)
@pytest.mark.parametrize("gateway", GATEWAYS)
def test_what_is_only_odd_is_recorded(world: World, gateway: str, hostile: Hostile) -> None:
    answer = world.post_webhook(hostile.make(gateway), gateway=gateway)

    assert (answer.status_code, answer.json()) == (202, {"status": hostile.word})
    assert [row.outcome for row in deliveries()] == [hostile.word]
    assert [row.status for row in conversions()] == ["approved"] * (hostile.word == "recorded")
    assert [row.path for row in quarantined()] == ["event"] * (hostile.word == "unknown")


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_any_value_anywhere_is_answered_202_and_kept(world: World, gateway: str) -> None:
    document = sale(gateway)
    damaged = [with_value(document, place, value) for place in places(document) for value in WRONG_VALUES]

    answers = [world.post_webhook(body, gateway=gateway) for body in damaged]

    assert len(damaged) > 500
    assert {answer.status_code for answer in answers} == {202}
    assert len(deliveries()) == len(damaged)
    assert [answer.json()["status"] for answer in answers] == [row.outcome for row in deliveries()]


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_a_quarantined_body_is_readable_nowhere(world: World, gateway: str) -> None:
    world.post_webhook(b'{"email": "canary.jandira@example.com", "cpf": "529.982.247-25"', gateway=gateway)

    stored = everything_stored().lower()

    assert len(quarantined()) == 1
    for clear in ("canary.jandira", "529.982", b"canary.jandira".hex(), b"529.982".hex()):
        assert clear not in stored


def test_an_empty_body_is_refused_and_a_huge_one_too(world: World) -> None:
    before = count_everything()

    statuses = [world.post_webhook(body, gateway=g).status_code for g in GATEWAYS for body in (b"", b"x" * 10_485_760)]

    assert statuses == [400, 413, 400, 413]
    assert count_everything() == before


@pytest.mark.parametrize(
    "content_type", ["", "text/plain; charset=latin1", "application/octet-stream", "x" * 5_000, "*/*", "text/html"]
)
@pytest.mark.parametrize("gateway", GATEWAYS)
def test_json_is_read_whatever_it_is_called(world: World, gateway: str, content_type: str) -> None:
    answer = world.post_webhook(sale(gateway), gateway=gateway, **{"content-type": content_type})

    assert answer.json() == {"status": "recorded"}


@pytest.mark.parametrize(
    ("content_type", "body", "path"),
    [
        ("application/x-www-form-urlencoded", b"a=b", None),
        ("application/x-www-form-urlencoded", b"event=2&event[]=1", "body"),
        ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % n for n in range(2_000)), "body"),
        ("application/x-www-form-urlencoded", b"a" + b"[x]" * 50 + b"=1", "body"),
        ("application/x-www-form-urlencoded", b"a=%ff%fe", "body"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="f"\r\n\r\nhi\r\n--x--',
            "body",
        ),
        ("x" * 5_000, b"{", "body"),
    ],
)
@pytest.mark.parametrize("gateway", GATEWAYS)
def test_forms_and_files_are_quarantined(
    world: World, gateway: str, content_type: str, body: bytes, path: str | None
) -> None:
    answer = world.post_webhook(body, gateway=gateway, **{"content-type": content_type})

    assert answer.json() == {"status": "quarantined"}
    (kept,) = quarantined()
    event_path = {"hotmart": "event or status", "stripe": "type"}[gateway]
    assert (kept.body, kept.path) == (body, path or event_path)
    assert kept.content_type == content_type[:200]


HOTMART_TIMES = {
    "in 1970": (1_000, datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)),
    "seconds": (1_763_640_000, datetime(1970, 1, 21, 9, 54, tzinfo=UTC)),
    "in 2099": (4_099_000_000_000, None),
    "in year 9999": (253_402_300_799_000, None),
    "negative": (-1, None),
    "a date": ("31/02/2026", None),
    "a list": ([], None),
}


@pytest.mark.parametrize(("written", "moment"), HOTMART_TIMES.values(), ids=list(HOTMART_TIMES))
def test_no_hotmart_sale_waits_for_its_clock(world: World, written: Any, moment: datetime | None) -> None:
    before = datetime.now(UTC)
    body = with_value(sale("hotmart"), ("data", "purchase", "approved_date"), written)

    world.post_webhook({**body, "creation_date": written})

    (row,) = conversions()
    assert row.occurred_at == row.approved_at
    if moment:
        assert row.occurred_at.replace(second=0) == moment.replace(second=0)
    else:
        assert before <= row.occurred_at <= datetime.now(UTC)


@pytest.mark.parametrize(
    "written", ["31/02/2026", int(time.time() * 1_000), 253_402_300_799, -1, None, "abc", 1e20, True]
)
def test_a_stripe_message_without_its_time_is_quarantined(world: World, written: Any) -> None:
    answer = world.post_webhook({**sale("stripe"), "created": written}, gateway="stripe")

    assert answer.json() == {"status": "quarantined"}
    assert [kept.path for kept in quarantined()] == ["created"]


@pytest.mark.parametrize(
    ("written", "amount"), [(1e-9, "0"), ("0.30000000000000004", "0.3"), (999_999_999_999.99, "999999999999.99")]
)
def test_odd_amounts_are_rounded_to_the_thousandth(world: World, written: Any, amount: str) -> None:
    world.post_webhook(hotmart(price=written))
    world.post_webhook(hotmart(price=written))

    (row,) = conversions()
    assert row.amount == Decimal(amount)


def test_a_float_that_is_not_quite_a_price_makes_no_endless_news(world: World) -> None:
    body = hotmart(price=0.1 + 0.2)
    world.post_webhook(body)
    (before,) = conversions()

    world.post_webhook(body)

    (after,) = conversions()
    assert (after.changed_at, after.match_due_at) == (before.changed_at, before.match_due_at)


def test_a_good_request_sent_again_is_the_same_order(world: World) -> None:
    body = hotmart(order_id="A1")

    answers = [world.post_webhook(body) for _ in range(3)]

    assert [answer.json() for answer in answers] == [{"status": "recorded"}] * 3
    assert len(conversions()) == 1
    assert len({row.fingerprint for row in deliveries()}) == 1


def test_the_same_message_with_another_amount_is_news(world: World) -> None:
    now = int(time.time() * 1_000)
    for minutes, price in ((0, 100), (1, 80)):
        body = hotmart(order_id="A1", price=price, at_ms=now - 600_000 + minutes * 60_000)
        world.post_webhook({**body, "id": "the-same"})

    (row,) = conversions()
    assert (row.amount, len(deliveries())) == (Decimal(80), 2)


def test_a_status_that_goes_back_does_not_undo_a_payment(world: World) -> None:
    world.post_webhook(hotmart("PURCHASE_APPROVED", "A1"))
    world.post_webhook(hotmart("PURCHASE_BILLET_PRINTED", "A1"))

    assert [row.status for row in conversions()] == ["approved"]


def test_a_gateways_test_sale_is_marked(world: World) -> None:
    world.post_webhook(hotmart(order_id="A1", product_id=0))
    world.post_webhook({**stripe_checkout("A2"), "livemode": False}, gateway="stripe")
    world.post_webhook(hotmart(order_id="A3"))

    assert [(row.order_id, row.is_test) for row in conversions()] == [("A1", True), ("A2", True), ("A3", False)]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda header: header.upper(),
        lambda header: header.replace("v1=", "v0="),
        lambda header: header.replace("v1=", "v1=\xe9"),
        lambda header: header[:-1],
        lambda header: f"{header},{header}",
        lambda header: "",
        lambda header: header.replace("t=", "t=-"),
    ],
)
def test_a_spoilt_signature_is_refused(world: World, spoil: Any) -> None:
    body = json.dumps(stripe_checkout()).encode()
    good = signed(body)
    before = count_everything()

    answer = world.post_webhook(body, gateway="stripe", **{"stripe-signature": spoil(good)})

    assert answer.status_code == 401
    assert count_everything() == before


def test_one_right_signature_among_several_is_enough(world: World) -> None:
    body = json.dumps(stripe_checkout()).encode()

    answer = world.post_webhook(body, gateway="stripe", **{"stripe-signature": f"{signed(body)},v1={'0' * 64}"})

    assert answer.json() == {"status": "recorded"}


def signed(body: bytes) -> str:
    request = ADAPTERS["stripe"].verifier.sign(WebhookRequest(body), SECRETS["stripe"], datetime.now(UTC))
    return request.headers["stripe-signature"]


def test_what_the_database_refuses_is_quarantined_and_harms_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No known body does this; one that will must not be lost."""
    encode = record._encode

    def spoil(rows: Any) -> str:
        return encode(rows).replace("unstorable", r"\u0000")

    monkeypatch.setattr(record, "_encode", spoil)

    answers = [world.post_webhook(hotmart(order_id=order)) for order in ("A1", "unstorable", "A2")]

    assert [answer.json()["status"] for answer in answers] == ["recorded", "quarantined", "recorded"]
    assert [(kept.path, kept.expected) for kept in quarantined()] == [(UNSTORABLE.path, UNSTORABLE.expected)]
    assert [row.order_id for row in conversions()] == ["A1", "A2"]
