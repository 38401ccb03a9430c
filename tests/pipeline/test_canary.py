"""A person who must not be found: in no column of any table, and in no line of any log, whatever goes wrong."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from django.db import OperationalError
from django.test import Client

from apps.conversions.services import record
from apps.tenants.scoping import unscoped
from tests.pipeline.bodies import stripe_checkout
from tests.pipeline.database import everything_stored, forms_of
from tests.worlds import LANDING, SECRETS, World, hotmart, post_raw

EMAIL = "canary.jandira@example.com"
CANARIES = (
    EMAIL,
    "jandira",
    "quintanilha",
    "98765-0001",
    "987650001",
    "rua do canario",
    "52998224725",
    "529.982.247-25",
)
SECRET_WORDS = (*SECRETS.values(), "token-of-ana")
BUYER = {
    "email": EMAIL.upper(),
    "name": "Jandira Quintanilha",
    "checkout_phone_code": "11",
    "checkout_phone": "98765-0001",
    "document": "529.982.247-25",
    "address": {"city": "Campinas", "address": "Rua do Canario", "zipcode": "13010-111", "country_iso": "BR"},
}


def sale(order_id: str) -> dict[str, Any]:
    body = hotmart(order_id=order_id, sck=EMAIL)
    body["data"]["buyer"] = BUYER
    return body


def assert_nobody_in(text: str, *, also: tuple[str, ...] = ()) -> None:
    low = text.lower()
    found = [word for word in (*CANARIES, *also) if any(form.lower() in low for form in forms_of(word))]

    assert found == []


def test_the_search_itself_finds_a_canary(world: World) -> None:
    world.funnel.name = f"Curso de {EMAIL}"
    with unscoped():
        world.funnel.save()

    with pytest.raises(AssertionError):
        assert_nobody_in(everything_stored())


def test_no_column_holds_a_person_in_clear(world: World) -> None:
    person = {"email": EMAIL, "phone": "(11) 98765-0001"}
    ids = world.click(
        **person,
        url=f"{LANDING}?utm_source=mail&email={EMAIL}&nome=Jandira",
        referrer=f"https://mail.example.com/?to={quote(EMAIL)}",
        utm_content=EMAIL,
        sck=EMAIL,
    )
    hit = {
        "public_key": world.funnel.public_key,
        "url": f"{LANDING}?e={EMAIL}",
        "session_id": ids["session_id"],
        **person,
    }
    page = world.client.post("/api/v1/track/pageview", json.dumps(hit), content_type="text/plain")
    answers = [
        world.post_webhook(sale("HP1")),
        world.post_webhook(sale("HP1")),
        world.post_webhook({**sale("HP2"), "event": "PURCHASE_OF_SOMETHING_NEW"}),
        world.post_webhook({**sale("HP3"), "data": {"buyer": BUYER}}),
        world.post_webhook(json.dumps(sale("HP4")).encode()[:-1]),
        world.post_webhook(
            stripe_checkout(
                customer_details={"email": EMAIL, "name": "Jandira Quintanilha", "phone": "+5511987650001"},
                metadata={"email": EMAIL, "cpf": "52998224725", "note": f"for {EMAIL}"},
            ),
            gateway="stripe",
        ),
    ]
    world.run_stages()

    assert page.status_code == 201
    assert [answer.json()["status"] for answer in answers] == [
        *("recorded", "recorded", "unknown", "quarantined", "quarantined", "recorded")
    ]
    assert_nobody_in(everything_stored(), also=(*SECRET_WORDS, world.key))


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def fail_with_the_row(*_: Any) -> None:
    raise OperationalError(f'could not insert ("{EMAIL}", "987650001")')


def crash_with_the_row(*_: Any) -> None:
    raise RuntimeError(f"{EMAIL} is what I had in my hands")


def test_no_refusal_of_a_webhook_is_logged_with_what_it_carried(
    world: World, logged: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = world.endpoint_key()
    body = json.dumps(sale("HP1")).encode()
    request_ids = {"x-request-id": "request-canary-01"}
    wrong = {"content-type": "application/json", "x-hotmart-hottok": f"wrong-{EMAIL}", **request_ids}

    statuses = [
        world.post_webhook(b"", **request_ids).status_code,
        world.post_webhook(body[:-1], **request_ids).status_code,
        world.post_webhook({**sale("HP2"), "event": f"NEW {EMAIL}"}, **request_ids).status_code,
        world.post_webhook(b"x" * 1_048_577, **request_ids).status_code,
        post_raw(f"/api/v1/webhooks/hotmart/{key}", body, wrong).status_code,
        post_raw(f"/api/v1/webhooks/hotmart/{key}?email={EMAIL}", body, wrong, "PUT").status_code,
        post_raw(f"/api/v1/webhooks/hotmart/{EMAIL}", body, wrong).status_code,
        post_raw(f"/api/v1/webhooks/nobody/{key}", body, wrong).status_code,
    ]
    monkeypatch.setattr(record, "_encode", fail_with_the_row)
    statuses.append(world.post_webhook(body, **request_ids).status_code)

    assert statuses == [400, 202, 202, 413, 401, 405, 404, 404, 503]
    lines = lines_of(logged())
    assert [line["event"] for line in lines] == [
        "webhook.quarantined",
        "webhook.unknown_word",
        "webhook.refused",
        "webhook.not_stored",
    ]
    assert {line["correlation_id"] for line in lines} == {"request-canary-01"}
    assert_nobody_in(logged(), also=(*SECRET_WORDS, key))


def test_nor_is_a_refusal_of_the_api_or_a_page(
    world: World, client: Client, logged: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client.raise_request_exception = False
    auth = {"Authorization": f"Bearer {world.key}", "X-Request-Id": "request-canary-02"}
    funnel = {"name": EMAIL, "endpoints": [{"gateway": EMAIL, "secret": SECRETS["hotmart"]}]}

    def post(path: str, body: Any, **headers: str) -> int:
        sent = client.post(f"/api/v1/{path}", body, content_type="application/json", headers={**auth, **headers})
        return sent.status_code

    statuses = [
        post("funnels", funnel),
        post("funnels", f'{{"name": "{EMAIL}"'),
        post("funnels", funnel, Authorization=f"Bearer {world.key}x"),
        post(f"nothing/{EMAIL}", funnel),
        post("track/click", {"public_key": "pk_unknown", "url": LANDING, "email": EMAIL}),
        post("track/click", {"public_key": world.funnel.public_key, "url": EMAIL, "email": [EMAIL]}),
        client.get(f"/api/v1/conversions?order_id={EMAIL}%00", headers=auth).status_code,
    ]
    monkeypatch.setattr("apps.clicks.services._write", fail_with_the_row)
    statuses.append(post("track/click", json_text(world)))
    monkeypatch.setattr("apps.clicks.services._write", crash_with_the_row)
    statuses.append(post("track/click", json_text(world)))

    assert statuses == [422, 400, 401, 404, 404, 422, 422, 503, 500]
    text = logged()
    errors = [line for line in lines_of(text) if "error_type" in line]
    assert [(line["event"], line["error_type"]) for line in errors] == [
        ("hit.not_stored", "OperationalError"),
        ("Internal Server Error: /api/v1/track/click", "RuntimeError"),
    ]
    assert {line["correlation_id"] for line in errors} == {"request-canary-02"}
    assert_nobody_in(text, also=(*SECRET_WORDS, world.key))


def json_text(world: World) -> str:
    return f'{{"public_key": "{world.funnel.public_key}", "url": "{LANDING}", "email": "{EMAIL}"}}'


def test_nor_is_a_crash_while_matching(
    world: World, logged: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.post_webhook(sale("HP1"))
    monkeypatch.setattr("apps.pipeline.stages.plan_events", crash_with_the_row)

    world.run_stages()

    failures = [line for line in lines_of(logged()) if line["level"] == "error"]
    assert {line["event"] for line in failures} == {"match.batch_failed", "match.row_failed"}
    assert {line["error_type"] for line in failures} == {"RuntimeError"}
    assert_nobody_in(logged(), also=(*SECRET_WORDS, world.key, world.endpoint_key()))
