"""`manage.py demo`: one sale from the ad click to the platform, through a running stack; exit 0 if it was accepted."""

import json
import secrets
import sys
from argparse import ArgumentParser
from typing import Any

import requests
from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import translation

from apps.conversions.models import Delivery
from apps.pipeline.demo.account import DemoAccount, demo_account
from apps.pipeline.demo.story import DemoError, Hub, Told, hotmart_body, set_up_funnel, wait_for
from apps.pipeline.demo.trace import Trace
from apps.tenants.scoping import unscoped

_DONE = ("accepted", "dead", "expired", "blocked", "excluded", "parked")


class Command(BaseCommand):
    """Talks to the stack at PUBLIC_URL as a site, a gateway and a customer would."""

    help = "Send one simulated sale through the running stack and print its trace."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--base-url", default=settings.PUBLIC_URL)
        parser.add_argument("--wait", type=float, default=60.0, help="seconds until the platform must have accepted")

    def handle(self, *args: Any, **options: Any) -> None:
        account, trace = demo_account(), Trace()
        with translation.override("en"):
            try:
                accepted = _tell(Hub(options["base_url"], account), account, trace, options["wait"])
            except (DemoError, requests.RequestException) as error:
                trace.verdict(good=False, text=f"{error}")
                accepted = False
        _say_where(trace, account, options["base_url"])
        if not accepted:
            sys.exit(1)


def _tell(hub: Hub, account: DemoAccount, trace: Trace, seconds: float) -> bool:
    """The journey, stage by stage; whether the platform accepted the sale."""
    funnel = set_up_funnel(hub, account)
    order_id = f"HP{secrets.randbelow(10**14):014d}"
    trace.title(f"One Pix sale of “{funnel['name']}”, from the ad click to Meta: order {order_id}")
    click = hub.click(funnel["public_key"])
    _show_click(trace, click)
    page_view_id = hub.page_view(funnel["public_key"], click)
    url = funnel["endpoints"][0]["webhook_url"]
    click_id = click.answer["click_id"]
    told = [
        hub.webhook(url, hotmart_body("PURCHASE_BILLET_PRINTED", order_id, click_id), "Pix code issued"),
        hub.webhook(url, hotmart_body("PURCHASE_APPROVED", order_id, click_id), "Pix paid"),
    ]
    _show_deliveries(trace, told, order_id)
    event = wait_for(lambda: _settled_event(hub, order_id), seconds) or _event(hub, order_id)
    if event is None:
        trace.verdict(good=False, text=f"No event was made within {seconds:.0f} s. Are the workers and the relay up?")
        return False
    _show_order(trace, event)
    accepted = _show_dispatch(trace, event)
    _show_page_view(trace, wait_for(lambda: _accepted_page_view(hub, page_view_id), seconds) if accepted else None)
    trace.verdict(
        good=accepted,
        text="The platform accepted the sale, once." if accepted else f"The event is {event['status']}.",
    )
    return accepted


def _event(hub: Hub, order_id: str) -> dict[str, Any] | None:
    listed = hub.call("GET", f"events?order_id={order_id}")["results"]
    return hub.call("GET", f"events/{listed[0]['event_id']}") if listed else None


def _settled_event(hub: Hub, order_id: str) -> dict[str, Any] | None:
    event = _event(hub, order_id)
    return event if event and event["status"] in _DONE else None


def _show_click(trace: Trace, told: Told) -> None:
    facts = {
        "click id": told.answer["click_id"],
        "session id": told.answer["session_id"],
        "answer": f"{told.status} in {told.elapsed_ms} ms",
    }
    trace.stage("Click", "POST /api/v1/track/click", facts)


def _show_deliveries(trace: Trace, told: list[Told], order_id: str) -> None:
    with unscoped():
        stored = list(Delivery.objects.filter(order_id=order_id).order_by("pk"))
    for request, delivery in zip(told, stored, strict=True):
        facts = {
            "gateway says": f"{delivery.vendor_event} ({request.what})",
            "hub reads": delivery.kind,
            "delivery": f"#{delivery.pk}, {delivery.outcome}",
            "answer": f"{request.status} in {request.elapsed_ms} ms, after the commit",
            "correlation id": delivery.correlation_id,
        }
        trace.stage("Delivery", f"POST /api/v1/webhooks/{delivery.gateway}/<secret key>", facts)


def _show_order(trace: Trace, event: dict[str, Any]) -> None:
    order, match = event["conversion"], event["match"]
    facts = {
        "order": f"{order['order_id']}, {order['status']}",
        "amount": f"{order['amount']} {order['currency']}",
        "e-mail": f"sha256 {order['email_sha256'][:16]}…",
        "phone": f"sha256 {order['phone_sha256'][:16]}…",
        "carried back": ", ".join(f"{name}={value}" for name, value in order["tracking"].items()),
    }
    trace.stage("Conversion", "two webhooks, one order; personal data only as hashes", facts)
    facts = {
        "decision": f"{match['decision']} by rule {match['rule']}, confidence {match['confidence']}",
        "click": match["click_id"],
        "evidence": match["explanation"],
    }
    trace.stage("Match", "which click brought this sale, and why", facts)


def _show_dispatch(trace: Trace, event: dict[str, Any]) -> bool:
    send, attempt = event["sends"][0], event["attempts"][-1] if event["attempts"] else None
    facts = {
        "event": f"{event['event_name']}, {event['status']}",
        "event id": event["event_id"],
        "destination": f"{send['platform']} {send['pixel_id']}",
        "reason": send["reason"],
        **(_show_payload(attempt["request"]) if attempt else {}),
    }
    trace.stage("CAPI event", "saved before it was sent", facts)
    if attempt:
        facts = {
            "request": f"POST {attempt['host']}/{attempt['api_version']}/{send['pixel_id']}/events",
            "answer": f"{attempt['http_status']} in {attempt['elapsed_ms']} ms: {attempt['response']}",
            "in its records": _sandbox_record(event["event_id"]),
        }
        trace.stage("Platform", "the stand-in for Meta checks as Meta does", facts)
    return bool(event["status"] == "accepted")


def _accepted_page_view(hub: Hub, event_id: str) -> dict[str, Any] | None:
    """In detail, once the platform has it; it waits in its session until the sale releases it."""
    listed = hub.call("GET", "events?status=accepted")["results"]
    return hub.call("GET", f"events/{event_id}") if any(row["event_id"] == event_id for row in listed) else None


def _show_page_view(trace: Trace, event: dict[str, Any] | None) -> None:
    if event is None:
        return
    payload = _show_payload(event["attempts"][-1]["request"])
    facts = {
        "event": f"{event['event_name']}, {event['status']}",
        "event id": f"{event['event_id']} (the pixel's as well)",
        "who (hashed)": payload["who (hashed)"],
    }
    trace.stage("Page view", "it waited until its visitor was known: by the sale, here", facts)


def _show_payload(sent: dict[str, Any]) -> dict[str, str]:
    """The server event in three lines: who, from which browser, what; hashes shortened."""
    person = {name: value for name, value in sent["user_data"].items() if isinstance(value, list)}
    browser = {name: value for name, value in sent["user_data"].items() if name not in person}
    return {
        "who (hashed)": "\n".join(f"{name:<8} {value[0][:16]}…" for name, value in sorted(person.items())),
        "which browser": "\n".join(f"{name:<18} {value}" for name, value in sorted(browser.items())),
        "what": json.dumps(sent.get("custom_data", {}), ensure_ascii=False),
        "where": sent["event_source_url"],
    }


def _sandbox_record(event_id: str) -> str:
    """How the stand-in itself recorded the event; empty when a real platform is configured."""
    if not settings.SANDBOX_URL:
        return ""
    found = requests.get(f"{settings.SANDBOX_URL}/received.json", params={"event_id": event_id}, timeout=5).json()
    return ", ".join(f"{item['event_name']} {item['verdict']}" for item in found["events"])


def _say_where(trace: Trace, account: DemoAccount, base_url: str) -> None:
    trace.line(f"\n   Support admin   {base_url}/admin/   {account.email}   {account.password}")
    trace.line(f"   REST API        {base_url}/api/v1/schema/   Authorization: Bearer {account.api_key}")
    if settings.SANDBOX_URL:
        trace.line(f"   Stand-in Meta   {settings.SANDBOX_URL}/")
