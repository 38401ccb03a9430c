"""The webhook's door: which senders and addresses it knows, and that nothing is stored but behind a 202."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from apps.core.metrics import read_counters
from apps.funnels import selectors
from apps.funnels.models import Endpoint, Rollout
from apps.gateways.registry import ADAPTERS
from apps.gateways.request import WebhookRequest
from apps.tenants.scoping import unscoped
from tests.pipeline.answers import assert_problem
from tests.pipeline.bodies import stripe_checkout
from tests.pipeline.database import conversions, count_everything, deliveries
from tests.worlds import SECRETS, World, hotmart, post_raw


@pytest.mark.parametrize("gateway", ["hotmart", "stripe"])
def test_a_genuine_webhook_is_accepted_and_stored(world: World, gateway: str) -> None:
    body = {"hotmart": hotmart(order_id="A1"), "stripe": stripe_checkout("A1")}[gateway]

    answer = world.post_webhook(body, gateway=gateway)

    assert (answer.status_code, answer.json()) == (202, {"status": "recorded"})
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Content-Length"] == str(len(answer.content))
    assert [(row.gateway, row.order_id, row.status) for row in conversions()] == [(gateway, "A1", "approved")]
    assert [(row.outcome, row.kind) for row in deliveries()] == [("recorded", "purchase_approved")]


def test_a_trailing_slash_is_forgiven(world: World) -> None:
    world.address = f"/api/v1/webhooks/hotmart/{world.endpoint_key()}/"

    assert world.post_webhook(hotmart()).status_code == 202


@pytest.mark.parametrize(
    ("event", "word"), [("PURCHASE_COMPLETE", "ignored"), ("SWITCH_PLAN", "ignored"), ("SOMETHING_NEW", "unknown")]
)
def test_what_makes_no_order_is_accepted_and_kept_too(world: World, event: str, word: str) -> None:
    answer = world.post_webhook(hotmart(event))

    assert (answer.status_code, answer.json()) == (202, {"status": word})
    assert [(row.outcome, row.vendor_event) for row in deliveries()] == [(word, event)]
    assert conversions() == []


def test_an_unknown_word_is_counted(world: World) -> None:
    series = ("webhooks_unknown_total", (("gateway", "hotmart"),))
    before = read_counters().get(series, 0)

    world.post_webhook(hotmart("SOMETHING_NEW"))

    assert read_counters()[series] == before + 1


def test_the_callers_request_id_is_answered_and_stored(world: World) -> None:
    answer = world.post_webhook(hotmart(), **{"x-request-id": "Follow_me-0001"})

    assert answer.headers["X-Request-Id"] == "Follow_me-0001"
    assert [row.correlation_id for row in deliveries()] == ["Follow_me-0001"]
    assert [row.correlation_id for row in conversions()] == ["Follow_me-0001"]


@pytest.mark.parametrize(
    "sent", ["", "short", "x" * 65, "with space 1", "new\nline-000", "ação-000000", "a@example.com"]
)
def test_a_request_id_that_is_not_sane_is_replaced(world: World, sent: str) -> None:
    answer = world.post_webhook(hotmart(), **{"x-request-id": sent})

    made = answer.headers["X-Request-Id"]
    assert (len(made), made.isalnum()) == (32, True)
    assert [row.correlation_id for row in deliveries()] == [made]


@pytest.mark.parametrize(
    "path",
    [
        "hotmart/{key}x",
        "hotmart/{key}/more",
        "hotmart/",
        "hotmart",
        "stripe/{key}",
        "kiwify2/{key}",
        "HOTMART/{key}",
        "hotmart/%00",
        "hotmart/{key}%00",
        "hotmart/{key}%0A",
        "hotmart/../stripe/{key}",
        "hotmart/a%20b",
        "hotmart/ação",
        f"hotmart/{'x' * 10_000}",
        f"{'x' * 10_000}/{{key}}",
        "",
    ],
)
@pytest.mark.usefixtures("unchanged")
def test_an_unknown_address_is_not_found(world: World, path: str) -> None:
    world.address = f"/api/v1/webhooks/{path.format(key=world.endpoint_key())}"

    assert_problem(world.post_webhook(hotmart()), 404, "not_found")


@pytest.mark.usefixtures("unchanged")
def test_an_endpoint_that_is_off_is_not_found(world: World) -> None:
    with unscoped():
        Endpoint.objects.update(rollout=Rollout.OFF)

    assert_problem(world.post_webhook(hotmart()), 404, "not_found")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "BREW"])
@pytest.mark.usefixtures("unchanged")
def test_webhooks_are_posted(world: World, method: str) -> None:
    headers = {"x-hotmart-hottok": SECRETS["hotmart"], "x-http-method-override": "POST"}

    answer = post_raw(f"/api/v1/webhooks/hotmart/{world.endpoint_key()}", b"{}", headers, method)

    assert_problem(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"] == "POST"


REFUSALS = [
    ("hotmart", {}, "missing"),
    ("hotmart", {"x-hotmart-hottok": ""}, "missing"),
    ("hotmart", {"x-hotmart-hottok": "wrong"}, "mismatch"),
    ("hotmart", {"x-hotmart-hottok": SECRETS["hotmart"] + " x"}, "mismatch"),
    ("hotmart", {"x-hotmart-hottok": SECRETS["stripe"]}, "mismatch"),
    ("hotmart", {"x-hotmart-hottok": "sé\xff"}, "mismatch"),
    ("hotmart", {"x-hotmart-hottok": "x" * 64_000}, "mismatch"),
    ("stripe", {}, "missing"),
    ("stripe", {"stripe-signature": "v1=abc"}, "malformed"),
    ("stripe", {"stripe-signature": "t=1e20,v1=abc"}, "malformed"),
    ("stripe", {"stripe-signature": "t=1,v1=" + "0" * 64}, "mismatch"),
    ("stripe", {"stripe-signature": "t=" + "9" * 5_000 + ",v1=x"}, "malformed"),
]


@pytest.mark.parametrize(("gateway", "headers", "reason"), REFUSALS)
@pytest.mark.usefixtures("unchanged")
def test_a_sender_without_the_secret_is_refused_and_counted(
    world: World, gateway: str, headers: dict[str, str], reason: str
) -> None:
    series = ("webhooks_refused_total", (("gateway", gateway), ("reason", reason)))
    before = read_counters().get(series, 0)
    body = json.dumps({"hotmart": hotmart(), "stripe": stripe_checkout()}[gateway]).encode()

    answer = post_raw(f"/api/v1/webhooks/{gateway}/{world.endpoint_key(gateway)}", body, headers)

    assert_problem(answer, 401, "not_authentic")
    assert read_counters()[series] == before + 1


def signed_by_stripe(body: bytes, secret: str, moment: datetime) -> dict[str, str]:
    return dict(ADAPTERS["stripe"].verifier.sign(WebhookRequest(body), secret, moment).headers)


@pytest.mark.parametrize("minutes", [-10, 10])
@pytest.mark.usefixtures("unchanged")
def test_a_signature_of_another_time_is_refused(world: World, minutes: int) -> None:
    body = json.dumps(stripe_checkout()).encode()
    headers = signed_by_stripe(body, SECRETS["stripe"], datetime.now(UTC) + timedelta(minutes=minutes))

    assert_problem(world.post_webhook(body, gateway="stripe", **headers), 401, "not_authentic")


@pytest.mark.usefixtures("unchanged")
def test_a_signature_over_other_bytes_is_refused(world: World) -> None:
    body = stripe_checkout()
    headers = signed_by_stripe(json.dumps(body).encode(), SECRETS["stripe"], datetime.now(UTC))
    reserialised = json.dumps(body, indent=1).encode()

    assert_problem(world.post_webhook(reserialised, gateway="stripe", **headers), 401, "not_authentic")


def test_one_tenants_secret_opens_no_door_of_another(world: World, other_world: World) -> None:
    with unscoped():
        theirs = other_world.funnel.endpoints.get(gateway="hotmart")
        theirs.secret = "hottok-of-bruno"
        theirs.save()
    before = count_everything()

    answer = post_raw(f"/api/v1/webhooks/hotmart/{theirs.key}", b"{}", {"x-hotmart-hottok": SECRETS["hotmart"]})

    assert_problem(answer, 401, "not_authentic")
    assert count_everything() == before


def test_the_secret_before_the_last_change_is_still_accepted(world: World) -> None:
    changed = world.patch(
        f"funnels/{world.funnel.pk}", {"endpoints": [{"gateway": "hotmart", "secret": "hottok-0002"}]}
    )
    selectors.forget_remembered()

    answers = [
        world.post_webhook(hotmart(), **{"x-hotmart-hottok": secret})
        for secret in (SECRETS["hotmart"], "hottok-0002", "hottok-0003")
    ]

    assert changed.status_code == 200
    assert [answer.status_code for answer in answers] == [202, 202, 401]
