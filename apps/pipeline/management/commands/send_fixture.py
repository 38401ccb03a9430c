"""`manage.py send_fixture <gateway> <fixture>`: post a fixture at a running hub, signed as the gateway signs."""

import uuid
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q
from django.urls import reverse

from apps.core.http import Answer, OutboundClient, OutboundError
from apps.funnels.models import Endpoint, Rollout
from apps.gateways.base import Adapter
from apps.gateways.events import GatewayEvent
from apps.gateways.freshen import freshen
from apps.gateways.registry import ADAPTERS
from apps.gateways.request import WebhookRequest
from apps.gateways.signatures import Strength
from apps.pipeline.management.tools import columns, fixtures_of, request_of
from apps.tenants.scoping import unscoped

TIMEOUT_S = 10.0
ACCEPTED = 202


class Command(BaseCommand):
    """What is sent is an invented sale, and the hub takes it for a real one."""

    help = "Post a fixture, made fresh and signed, at a running hub."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("gateway", choices=sorted(ADAPTERS))
        parser.add_argument("fixture", nargs="?", default="", help="its name, with or without the ending")
        parser.add_argument("--list", action="store_true", help="list the gateway's fixtures and what they tell")
        parser.add_argument("--endpoint", default="", help="id or key; the newest one of this gateway unless given")
        parser.add_argument("--url", default=settings.PUBLIC_URL, help="where the hub is (%(default)s)")
        parser.add_argument("--order", help="the new order id; a random one unless given")
        parser.add_argument("--as-is", action="store_true", help="keep the fixture's times and order id")

    def handle(self, *args: Any, **options: Any) -> None:
        adapter = ADAPTERS[options["gateway"]]
        if options["list"]:
            self.stdout.write(columns([("fixture", "tells"), *_list_fixtures(adapter)]))
            return
        if options["as_is"] and options["order"]:
            raise CommandError("--as-is keeps the fixture's order id: leave it out, or leave out --order.")
        path = _find_fixture(adapter, options["fixture"])
        endpoint = _find_endpoint(adapter, options["endpoint"])
        now, base = datetime.now(UTC), options["url"].rstrip("/")
        request = request_of(path)
        if not options["as_is"]:
            request = freshen(adapter, request, now, options["order"] or None)
        events = adapter.parse(request)
        place = ("to", f"{endpoint.funnel.name}, endpoint {endpoint.pk}")
        self.stdout.write(columns([*_describe(events), place]))
        answer = _post(base, endpoint, _sign(adapter, request, endpoint, now))
        self.stdout.write(f"answer  {answer.status} in {answer.elapsed_ms} ms: {answer.body.decode(errors='replace')}")
        if answer.status != ACCEPTED:
            raise CommandError("The hub did not take it.")
        steps = [*_next_steps(events, base), f"python manage.py read_payload {adapter.slug} {path}"]
        self.stdout.write("\n  ".join(("\nLook next at", *steps)))


def _list_fixtures(adapter: Adapter) -> Iterator[tuple[str, str]]:
    for path in fixtures_of(adapter):
        yield path.stem, ", ".join(event.kind for event in adapter.parse(request_of(path)))


def _find_fixture(adapter: Adapter, name: str) -> Path:
    paths = fixtures_of(adapter)
    found = [path for path in paths if name in (path.name, path.stem)]
    if len(found) != 1:
        known = "\n  ".join(path.name for path in found or paths)
        problem = f"is the name of {len(found)} fixtures" if found else "is no fixture"
        raise CommandError(f"{name!r} {problem} of {adapter.label}. Choose one of these:\n  {known}")
    return found[0]


def _find_endpoint(adapter: Adapter, wanted: str) -> Endpoint:
    """The hub's settings tell an embedded stack: only there is any endpoint a fair guess."""
    if not wanted and not settings.OUTBOUND_ALLOW_LOOPBACK:
        raise CommandError(
            "Name the endpoint with --endpoint: this is no embedded hub, and the sale is an invented one."
        )
    with unscoped():
        rows = Endpoint.objects.select_related("funnel").filter(gateway=adapter.slug)
        rows = rows.filter(_is_named(wanted)) if wanted else rows.exclude(rollout=Rollout.OFF)
        endpoint: Endpoint | None = rows.order_by("-created_at").first()
    if endpoint is None:
        which = f"with the id or key {wanted!r}" if wanted else "yet"
        raise CommandError(
            f"There is no {adapter.label} endpoint {which}. `make demo` makes one for Hotmart; "
            "for another gateway create a funnel with one (POST /api/v1/funnels)."
        )
    return endpoint


def _is_named(wanted: str) -> Q:
    try:
        return Q(key=wanted) | Q(pk=uuid.UUID(wanted))
    except ValueError:
        return Q(key=wanted)


def _sign(adapter: Adapter, request: WebhookRequest, endpoint: Endpoint, now: datetime) -> WebhookRequest:
    """An endpoint without a secret is one of a gateway that proves nothing."""
    if not endpoint.secret and adapter.verifier.strength is Strength.NONE:
        return request
    return adapter.verifier.sign(request, endpoint.secret, now)


def _post(base: str, endpoint: Endpoint, signed: WebhookRequest) -> Answer:
    query = f"?{urlencode(signed.query)}" if signed.query else ""
    url = f"{base}/api/v1/webhooks/{endpoint.gateway}/{endpoint.key}{query}"
    client = OutboundClient(allow_loopback=settings.OUTBOUND_ALLOW_LOOPBACK, read_timeout=TIMEOUT_S)
    try:
        return client.request("POST", url, signed.headers, signed.body)
    except OutboundError as error:
        raise CommandError(
            f"No answer from {base} ({error.reason}). Start the hub with `make up`, or name its --url."
        ) from error
    finally:
        client.close()


def _describe(events: Sequence[GatewayEvent]) -> Iterator[tuple[str, str]]:
    for event in events:
        yield "sent", f"{event.vendor_event}: {event.kind}{', a test' if event.is_test else ''}"
        if event.order_id:
            yield "order", event.order_id
        if event.amount is not None:
            yield "amount", f"{event.amount} {event.currency}"


def _next_steps(events: Sequence[GatewayEvent], base: str) -> Iterator[str]:
    for order_id in dict.fromkeys(event.order_id for event in events if event.order_id):
        query = urlencode({"order_id": order_id})
        yield f"{base}{reverse('conversions')}?{query}   (Authorization: Bearer <the tenant's API key>)"
        yield f"{base}{reverse('admin:conversions_conversion_changelist')}?{urlencode({'q': order_id})}"
    yield f"{base}{reverse('admin:conversions_delivery_changelist')}"
