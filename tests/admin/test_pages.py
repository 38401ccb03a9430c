"""Every list and page answers, shows what there is to read, and shows no secret, no person and no script."""

import hashlib
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.db import connection
from django.db.models import JSONField, Model
from django.test.utils import CaptureQueriesContext

from apps.conversions.models import Conversion, Delivery
from apps.core.admin import RecordAdmin
from apps.dispatch.models import Attempt, CapiEvent
from apps.funnels.models import Endpoint
from apps.funnels.services import replace_credentials, replace_secret
from apps.matching.models import Match
from apps.tenants.scoping import unscoped
from apps.tenants.services import digest_of
from tests.admin.console import REGISTERED, SCRIPT, Console, address, text_of
from tests.worlds import SECRETS, World, hotmart

RECORDS = [model for model in REGISTERED if isinstance(admin.site._registry[model], RecordAdmin)]
# Secrets, and values that a page shows in another form than as a field.
NOT_A_FIELD = {
    "clicks.TrackingDomain": {"token"},
    "admin.LogEntry": {"id", "user", "action_flag", "change_message"},
    "conversions.Conversion": {"refunded_amount"},
    "conversions.Quarantine": {"body"},
    "dispatch.Attempt": {"batch"},
    "dispatch.Batch": {"response"},
    "dispatch.Breaker": {"token_digest"},
    "dispatch.Send": {"batch"},
    "sandbox.FirstReceipt": {"digest"},
    "sandbox.ReceivedRequest": {"token_fingerprint"},
    "tenants.ApiKey": {"digest"},
    "tenants.SigningKey": {"secret"},
}


def the(model: type[Any]) -> Any:
    with unscoped():
        return model.objects.get()


def test_every_table_has_a_list_and_a_page(console: Console, story: dict[str, str]) -> None:
    paths = [path for path, _html in console.crawl()]

    for model in REGISTERED:
        listing = address(model, "changelist")
        assert listing in paths
        assert any(path.startswith(listing) and path.endswith("/change/") for path in paths), listing


def test_every_model_but_the_frameworks_own_bookkeeping_is_registered() -> None:
    left_out = {model._meta.label for model in apps.get_models()} - {model._meta.label for model in REGISTERED}

    assert left_out == {"contenttypes.ContentType", "sessions.Session", "django_celery_beat.PeriodicTasks"}


@pytest.mark.parametrize("model", RECORDS, ids=lambda model: model._meta.label)
def test_a_page_shows_every_field_that_may_be_read(
    model: type[Model], console: Console, story: dict[str, str], rf: Any
) -> None:
    request = rf.get("/")
    request.user = console.user
    shown = flatten_fieldsets(admin.site._registry[model].get_fieldsets(request, model()))

    names = {getattr(item, "__name__", item) for item in shown}
    fields = {field.name for field in model._meta.concrete_fields if not isinstance(field, JSONField)}
    assert fields - names == NOT_A_FIELD.get(model._meta.label, set())


def test_no_page_shows_a_secret_or_a_person(console: Console, world: World, story: dict[str, str]) -> None:
    with unscoped():
        replace_secret(Endpoint.objects.get(gateway="hotmart"), "the-newest-hottok")
        replace_credentials(Endpoint.objects.get(gateway="hotmart"), {"client_secret": "credential-of-ana"})
        order = Conversion.objects.get()
    tokens = [*SECRETS.values(), "the-newest-hottok", "token-of-ana", "credential-of-ana"]
    digests = [hashlib.sha256(token.encode()).hexdigest()[:8] for token in tokens]
    kept = ["what-the-buyer-wrote", "f1n9er00", world.key, digest_of(world.key), console.user.password, "gAAAAA"]
    person = ["beatriz@example.com", "Beatriz", "Moura", "98765-4321", "987654321"]
    hashes = [order.email_sha256, order.phone_sha256]

    assert all(hashes)
    for path, html in console.crawl():
        assert [text for text in (*tokens, *digests, *kept, *person, *hashes) if text in html] == [], path


def test_what_strangers_wrote_is_never_run(console: Console, story: dict[str, str]) -> None:
    pages = dict(console.crawl())

    assert [path for path, html in pages.items() if SCRIPT in html] == []
    escaped = [path for path, html in pages.items() if "&lt;script&gt;alert(1)" in html]
    for part in ("/clicks/click/", "/conversions/conversion/", "/dispatch/attempt/", "/sandbox/receivedevent/"):
        assert any(part in path for path in escaped), part


def test_a_search_for_a_script_is_escaped_too(console: Console, story: dict[str, str]) -> None:
    html = console.list(Conversion, q=SCRIPT).content.decode()

    assert SCRIPT not in html
    assert "&lt;script&gt;" in html


def test_a_conversion_leads_to_everything_about_it(console: Console, story: dict[str, str]) -> None:
    order, match, event = the(Conversion), the(Match), the(CapiEvent)
    with unscoped():
        delivery = Delivery.objects.get(order_id=order.order_id)
        rows = [delivery, match, match.click, match.click.session, event, event.sends.get(), order.tenant, order.funnel]

    html = console.page(order).content.decode()

    for row in rows:
        assert f'href="{address(row, "change")}"' in html
    assert "Chosen: the click id that came back through the gateway" in html


def test_a_match_shows_each_candidate_with_its_sentence(console: Console, world: World) -> None:
    older = world.click(email="beatriz@example.com")
    newer = world.click(email="beatriz@example.com")
    world.post_webhook(hotmart(email="beatriz@example.com", phone="911112222"))
    world.run_stages()

    match = the(Match)
    answer = console.page(match)

    html = text_of(answer)
    assert html.count("Chosen: the same e-mail; clicked") == 2  # in the explanation and in the row
    assert "Not chosen: the same e-mail, but a later click of the buyer's counts" in html
    assert html.index(newer["click_id"]) < html.rindex(older["click_id"])
    assert f"Confidence {int(match.confidence * 100)} %. Other candidates: 1." in html


def test_an_unmatched_sale_says_so(console: Console, world: World) -> None:
    world.post_webhook(hotmart())
    world.run_stages()

    html = text_of(console.page(the(Match)))

    assert "No click shares anything with this sale." in html


def test_an_event_shows_its_sends_and_attempts_in_one_set_of_queries(console: Console, story: dict[str, str]) -> None:
    event, attempt = the(CapiEvent), the(Attempt)

    with_one, html = _queries(console, event)
    with unscoped():
        for number in range(2, 6):
            attempt.pk, attempt.number = None, number
            attempt.save()
    with_five, longer = _queries(console, event)

    assert html.count("/admin/dispatch/attempt/") == longer.count("/admin/dispatch/attempt/") - 4
    assert with_one == with_five
    assert event.event_id in html


def _queries(console: Console, row: Model) -> tuple[int, str]:
    with CaptureQueriesContext(connection) as captured:
        html = console.page(row).content.decode()
    return len(captured), html


def test_an_attempt_shows_what_was_sent_and_answered(console: Console, story: dict[str, str]) -> None:
    attempt, event = the(Attempt), the(CapiEvent)

    html = text_of(console.page(attempt))

    assert f'"event_id": "{event.event_id}"' in html
    assert '"events_received": 1' in text_of(console.page(attempt.batch))
    assert f'"{attempt.request["user_data"]["em"][0][:12]}…"' in html


def test_times_are_told_to_the_second(console: Console, story: dict[str, str]) -> None:
    order = the(Conversion)

    html = console.page(order).content.decode()

    assert f"{order.received_at:%Y-%m-%d %H:%M:%S} UTC" in html


def test_an_unknown_id_leads_back_instead_of_failing(console: Console) -> None:
    answer = console.client.get("/admin/conversions/conversion/987654321/change/")

    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/")
