"""The simulated customer journey, told to the hub only through its public endpoints."""

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import requests

from apps.gateways.registry import ADAPTERS
from apps.gateways.request import WebhookRequest
from apps.pipeline.demo.account import DemoAccount

TIMEOUT_S = 10
# What a real fbclid looks like: long, opaque, case-sensitive.
_FBCLID = "IwAR0" + "demoClickIdFromAnAd_" * 4


class DemoError(RuntimeError):
    """A step of the journey did not get the answer it needs; the text says which."""


@dataclass(frozen=True, slots=True)
class Told:
    """One request of the journey and the hub's answer."""

    what: str
    status: int
    answer: dict[str, Any]
    elapsed_ms: int


class Hub:
    """The hub's public endpoints, as a customer's site, a gateway and an API client see them."""

    def __init__(self, base_url: str, account: DemoAccount) -> None:
        self.base_url = base_url
        self._http = requests.Session()
        self._account = account

    def call(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        """The REST API with the account's key."""
        headers = {"Authorization": f"Bearer {self._account.api_key}"}
        answer = self._http.request(
            method, f"{self.base_url}/api/v1/{path}", json=body or None, headers=headers, timeout=TIMEOUT_S
        )
        if not answer.ok:
            raise DemoError(f"{method} /api/v1/{path} was answered {answer.status_code}: {answer.text[:300]}")
        result: dict[str, Any] = answer.json()
        return result

    def click(self, public_key: str) -> Told:
        """A visitor arrives from an ad, with a browser's headers."""
        hit = {
            "public_key": public_key,
            "url": f"https://cursosdaana.example.com/oferta?utm_source=facebook&fbclid={_FBCLID}",
            "referrer": "https://l.facebook.com/",
            "fbclid": _FBCLID,
            "fbp": f"fb.1.{int(time.time() * 1000)}.{secrets.randbelow(10**10)}",
            "utm_source": "facebook",
            "utm_campaign": "lancamento|120210",
            "utm_content": "video-depoimento|120212",
            "consent_ads": True,
        }
        return self._track("click", hit)

    def page_view(self, public_key: str, click: Told) -> str:
        """The same visitor looks at the page; the event's id, which the page's pixel would be given too."""
        event_id = f"hte{secrets.token_hex(10)}"
        url = "https://cursosdaana.example.com/oferta"
        self._track("pageview", {"public_key": public_key, "url": url, "event_id": event_id, **click.answer})
        return event_id

    def _track(self, action: str, hit: dict[str, Any]) -> Told:
        headers = {"User-Agent": "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/142.0 Mobile"}
        return self._post(action, f"{self.base_url}/api/v1/track/{action}", json.dumps(hit).encode(), headers)

    def webhook(self, url: str, body: dict[str, Any], what: str) -> Told:
        """Hotmart posts, authenticated as Hotmart does."""
        unsigned = WebhookRequest(json.dumps(body, ensure_ascii=False).encode(), {"content-type": "application/json"})
        signed = ADAPTERS["hotmart"].verifier.sign(unsigned, self._account.hottok, datetime.now(UTC))
        return self._post(what, url, signed.body, dict(signed.headers))

    def _post(self, what: str, url: str, body: bytes, headers: dict[str, str]) -> Told:
        answer = self._http.post(url, data=body, headers=headers, timeout=TIMEOUT_S)
        if answer.status_code not in (201, 202):
            raise DemoError(f"The {what} was answered {answer.status_code}: {answer.text[:300]}")
        return Told(what, answer.status_code, answer.json(), round(answer.elapsed.total_seconds() * 1000))


def set_up_funnel(hub: Hub, account: DemoAccount) -> dict[str, Any]:
    """A published funnel from Hotmart to the stand-in platform; an earlier run's is used again."""
    known = hub.call("GET", "funnels")["results"]
    if known:
        return known[0]  # type: ignore[no-any-return]
    funnel = hub.call(
        "POST",
        "funnels",
        name="Curso de Confeitaria",
        landing_url="https://cursosdaana.example.com/oferta",
        endpoints=[{"gateway": "hotmart", "secret": account.hottok}],
        destinations=[
            {
                "platform": "meta",
                "pixel_id": "123456789012345",
                "access_token": f"demo-{secrets.token_hex(12)}",
            }
        ],
    )
    return hub.call("POST", f"funnels/{funnel['id']}/publish")


def hotmart_body(event: str, order_id: str, click_id: str) -> dict[str, Any]:
    """A Hotmart 2.0.0 webhook of an invented Pix sale; the click id travels in `sck`."""
    now_ms = int(time.time() * 1000)
    approved = event == "PURCHASE_APPROVED"
    return {
        "id": secrets.token_hex(16),
        "creation_date": now_ms,
        "event": event,
        "version": "2.0.0",
        "data": {
            "product": {"id": 4815162, "name": "Curso de Confeitaria"},
            "buyer": {
                "email": "beatriz.moura@example.com",
                "name": "Beatriz Moura",
                "checkout_phone_code": "55",
                "checkout_phone": "991234567",
                "address": {
                    "country": "Brasil",
                    "country_iso": "BR",
                    "state": "Rio Grande do Sul",
                    "city": "Santa Maria",
                },
            },
            "purchase": {
                "transaction": order_id,
                "status": "APPROVED" if approved else "BILLET_PRINTED",
                "order_date": now_ms,
                **({"approved_date": now_ms} if approved else {}),
                "price": {"value": 197.9, "currency_value": "BRL"},
                "payment": {"type": "PIX", "installments_number": 1},
                "offer": {"code": "lancamento"},
                "origin": {"sck": click_id},
            },
        },
    }


def wait_for(look: Callable[[], dict[str, Any] | None], seconds: float) -> dict[str, Any] | None:
    """What `look` finds, asked a few times a second until the time is up."""
    stop = time.monotonic() + seconds
    while (found := look()) is None and time.monotonic() < stop:
        time.sleep(0.2)
    return found
