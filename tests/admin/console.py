"""The console as a person uses it: lists, pages, buttons; and a story that leaves a row in every table."""

import hashlib
import html
import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)

from apps.clicks.models import EventReceipt, Identity, Person, PersonMerge, TrackingDomain
from apps.conversions.models import AdapterComparison, Conversion
from apps.conversions.services import keep_comparisons, note_drift
from apps.core.ids import new_id
from apps.dispatch.models import BreakerChange, PlatformBreaker, Replay, TokenCheck
from apps.funnels.models import Endpoint
from apps.funnels.services import switch_endpoint
from apps.matching.grading import grade
from apps.matching.models import Difference, FittedWeights, Match, MatchReview
from apps.matching.services import start_comparison
from apps.matching.weights import PRODUCT
from apps.pipeline.stages import compare_batch, link_people_batch
from apps.sandbox.models import FaultScript, FirstReceipt, ReceivedEvent, ReceivedRequest
from apps.tenants.models import User
from apps.tenants.scoping import tenant_scope, unscoped
from tests.worlds import LANDING, World, hotmart

SCRIPT = "<script>alert(1)</script>"
DIGEST = hashlib.sha256(b"beatriz@example.com").hexdigest()
# What the form of a funnel holds besides its name.
FUNNEL = {
    "landing_url": LANDING,
    "attribution_window_days": "7",
    "unknown_consent": "send",
    "child_orders": "exclude",
    "page_events": "hybrid",
    "view_through_days": "0",
    "attribution_model": "last_click",
    "auto_threshold": "0.85",
    "review_threshold": "0.6",
    "uncertain_matches": "review",
    "review_hours": "4",
    "review_timeout": "unmatched",
}
UNREADABLE = {"version": "2.0.0", "event": "PURCHASE_APPROVED", "data": {"note": "what-the-buyer-wrote"}}
REGISTERED = sorted(admin.site._registry, key=lambda model: model._meta.label)


def endpoint_values(**changes: Any) -> dict[str, Any]:
    """What the form of a new or untouched endpoint holds, but for these."""
    return {"rollout": "live", "live_percent": "100", "candidate": "off", "new_secret": "", **changes}


@dataclass
class Console:
    """A browser with a session of `user`, who reads English."""

    user: User
    client: Client

    def list(self, model: type[Model], **query: str) -> Any:
        return self.client.get(address(model, "changelist"), query)

    def page(self, row: Model) -> Any:
        return self.client.get(address(row, "change"))

    def save(self, row: Model | type[Model], **values: Any) -> Any:
        """Fill in and send the form of a row, or that of a new one."""
        page = "add" if isinstance(row, type) else "change"
        return self.client.post(address(row, page), values, follow=True)

    def act(self, action: str, *rows: Model) -> Any:
        chosen = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
        return self.client.post(address(type(rows[0]), "changelist"), chosen, follow=True)

    def crawl(self) -> Iterator[tuple[str, str]]:
        """(address, HTML) of the dashboard, every list, every row's page and its history."""
        yield "/admin/", self.read("/admin/")
        for model in REGISTERED:
            yield (listing := address(model, "changelist")), self.read(listing)
            with unscoped():
                rows = list(model._default_manager.order_by("-pk")[:5])
            for row in rows:
                yield (page := address(row, "change")), self.read(page)
                yield (history := address(row, "history")), self.read(history)

    def read(self, path: str) -> str:
        answer = self.client.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        return str(answer.content.decode())


def address(row: Model | type[Model], page: str) -> str:
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}_{page}"
    return reverse(name) if isinstance(row, type) else reverse(name, args=[row.pk])


def messages_of(answer: Any) -> list[str]:
    return [str(message) for message in answer.context["messages"]]


def errors_of(answer: Any) -> dict[str, list[str]]:
    """What the form says of each field."""
    return {name: [str(text) for text in texts] for name, texts in answer.context["adminform"].form.errors.items()}


def fresh(row: Any) -> Any:
    with unscoped():
        return type(row).objects.get(pk=row.pk)


def all_rows(model: type[Model]) -> list[Any]:
    with unscoped():
        return list(model._default_manager.order_by("pk"))


def endpoint_of(world: World, gateway: str = "hotmart") -> Endpoint:
    with unscoped():
        endpoint: Endpoint = world.funnel.endpoints.get(gateway=gateway)
    return endpoint


def text_of(answer: Any) -> str:
    """What a reader sees of it, entities resolved."""
    return html.unescape(answer.content.decode())


def sign_in(user: User) -> Console:
    client = Client(headers={"accept-language": "en"})
    client.force_login(user)
    return Console(user, client)


def new_staff(*permissions: str, email: str = "support@example.com") -> Console:
    """Staff who may do only this: "app.codename"."""
    user = User.objects.create_user(email, None, is_staff=True)
    for permission in permissions:
        app, codename = permission.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    return sign_in(user)


def tell_story(world: World, order_id: str = "HP1", **changes: Any) -> dict[str, str]:
    """A click with a page view, a sale matched to it and sent, a word unknown to us and an unreadable delivery.

    And an endpoint that was switched, a new field, an order that two versions of an adapter read differently, and two
    people who turned out to be one.
    """
    ids: dict[str, str] = world.click(
        fbclid="IwAR0-Some.Opaque_Value",
        email="beatriz@example.com",
        phone="(11) 98765-4321",
        **{"consent_ads": True} | changes,
    )
    made = world.post("links", {"funnel": str(world.funnel.pk), "destination": LANDING, "name": order_id})
    assert made.status_code == 201, made.content
    with tenant_scope(world.tenant_id):
        TrackingDomain.objects.create(tenant_id=world.tenant_id, host=new_id("track.", length=5) + ".example.com")
        EventReceipt.objects.create(tenant_id=world.tenant_id, event_id=ids["click_id"], **ids)
    assert world.post("signing-keys", {"name": order_id}).status_code == 201
    view = {"public_key": world.funnel.public_key, "url": "https://a.example.com/", "session_id": ids["session_id"]}
    world.client.post("/api/v1/track/pageview", json.dumps(view), content_type="application/json")
    world.post_webhook(hotmart(order_id=order_id, sck=ids["click_id"]))
    world.post_webhook(hotmart("A_WORD_OF_TOMORROW", order_id=order_id))
    assert world.post_webhook(UNREADABLE).json() == {"status": "quarantined"}
    world.run_stages()
    switch_endpoint_of(world, f"API: {order_id}")
    note_drift(world.tenant_id, "hotmart", {("2.0.0", "data.purchase.loyalty")})
    compare_adapters(world, order_id)
    compare_draft(world, order_id)
    review_match(world, order_id)
    keep_weights(world)
    merge_people(world)
    work_beside(world)
    return ids


def work_beside(world: World) -> Replay:
    """A replay that ended, what a platform said of a token, and a breaker that opened and closed, own and whole."""
    with unscoped():
        destination = world.funnel.destinations.get()
        now = timezone.now()
        TokenCheck.objects.update_or_create(
            destination=destination,
            defaults={"tenant_id": world.tenant_id, "token_saved_at": now, "checked_at": now, "next_at": now},
        )
        BreakerChange.objects.create(destination=destination, what="closed", reason="http_503")
        PlatformBreaker.objects.create(platform="meta", host=f"https://{destination.pk}.example.com")
        replay: Replay = Replay.objects.create(
            tenant_id=world.tenant_id, filters={"reason": SCRIPT}, per_minute=600, state="done", actor=SCRIPT
        )
    return replay


def switch_endpoint_of(world: World, actor: str) -> None:
    """Stripe's, so that Hotmart's stays live."""
    with tenant_scope(world.tenant_id):
        switch_endpoint(endpoint_of(world, "stripe"), {"rollout": "shadow", "live_percent": 10}, actor=actor)


def keep_weights(world: World) -> FittedWeights:
    """The product's own under another name, as if they had been fitted."""
    graded = grade([], PRODUCT).to_json()
    report = {"days": 90, "fitted_on": 350, "reported_on": 150, "tiers": [], "product": graded, "fitted": graded}
    with tenant_scope(world.tenant_id):
        kept: FittedWeights = FittedWeights.objects.create(name="fitted-1", weights=PRODUCT.to_json(), report=report)
    return kept


def merge_people(world: World) -> PersonMerge:
    """The story's visitor, known by e-mail and phone, and somebody who turned out to be the same."""
    with unscoped():
        link_people_batch()
    with tenant_scope(world.tenant_id):
        known = Identity.objects.filter(kind="ph").latest("pk")
        other = Person.objects.create(public_id=new_id("htp"), merged_into=known.person)
        merge: PersonMerge = PersonMerge.objects.create(
            kept=known.person, merged=other, identity=known, moved={"sessions": [], "identities": [known.pk]}
        )
    return merge


def compare_adapters(world: World, order_id: str = "HP1", **changes: Any) -> AdapterComparison:
    """A delivery of Hotmart that version 2 reads with a higher amount and another person."""
    row = {
        "tenant_id": world.tenant_id,
        "endpoint": endpoint_of(world),
        "version": 1,
        "candidate": 2,
        "order_id": order_id,
        "currency": "BRL",
        "amount": Decimal("97.000"),
        "candidate_amount": Decimal("99.900"),
        "differences": [
            {"field": "amount", "current": "97.000", "candidate": "99.900"},
            {"field": "identity", "current": "", "candidate": f"{{'em': ['{DIGEST}']}}"},
        ],
    }
    compared = AdapterComparison(**row | changes)
    keep_comparisons(world.tenant_id, [compared])
    return compared


def review_match(world: World, order_id: str = "HP1") -> MatchReview:
    """What a customer once said of the sale's match, in words that try to run."""
    with unscoped():
        match = Match.objects.get(tenant=world.tenant_id, conversion__order_id=order_id)
        kept: MatchReview = MatchReview.objects.create(
            tenant_id=world.tenant_id,
            match=match,
            outcome="accepted",
            proposed=match.click,
            click=match.click,
            confidence=match.confidence,
            actor="API: shop (hub_abc…)",
            note=SCRIPT,
        )
    return kept


def compare_draft(world: World, order_id: str = "HP1") -> Difference:
    """A comparison that ended, with one sale that the draft would lose."""
    with unscoped():
        comparison = start_comparison(world.funnel, 30, "root@example.com")
        while compare_batch().rows:
            pass
        lost: Difference = Difference.objects.create(
            tenant_id=world.tenant_id,
            comparison=comparison,
            conversion=Conversion.objects.get(tenant=world.tenant_id, order_id=order_id),
            kind="lost",
            amount=Decimal("197.900"),
            currency="BRL",
            before={"decision": "auto", "rule": "email_hash", "confidence": 0.93, "click_id": SCRIPT},
            after={"decision": "unmatched", "rule": "", "confidence": 0.0, "click_id": ""},
        )
    return lost


def fill_other_tables(number: int) -> None:
    """One row more in the tables that no tenant's story reaches."""
    now = timezone.now()
    Group.objects.create(name=f"group {number}")
    interval = IntervalSchedule.objects.create(every=number + 1, period="hours")
    PeriodicTask.objects.create(name=f"task {number}", task="apps.example", interval=interval)
    CrontabSchedule.objects.create(minute=str(number))
    ClockedSchedule.objects.create(clocked_time=now)
    SolarSchedule.objects.create(event="sunrise", latitude=number, longitude=0)
    request = ReceivedRequest.objects.create(
        pixel_id="1", version="v26.0", received_at=now, status=200, events_count=1,
        token_fingerprint="f1n9er00", answer={"events_received": 1},
    )  # fmt: skip
    ReceivedEvent.objects.create(
        request=request, pixel_id="1", event_name="Purchase", event_id=f"e{number}", event_time=1,
        received_at=now, payload={"custom_data": {"content_name": SCRIPT}}, verdict="accepted",
    )  # fmt: skip
    FirstReceipt.objects.create(digest=f"{number:064x}", received_at=now)
    FaultScript.objects.create(script={"rules": []}, started_at=now)
