"""A tenant's small world, driven only through the outside surface: pages click, gateways post, the API reads."""

import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.test import Client, RequestFactory

from apps.dispatch.selectors import due_destinations
from apps.dispatch.services import deliver_due
from apps.funnels.models import Funnel
from apps.funnels.services import create_funnel, publish_funnel
from apps.gateways.registry import ADAPTERS
from apps.gateways.request import WebhookRequest
from apps.pipeline.stages import match_batch
from apps.tenants.scoping import tenant_scope, unscoped
from apps.tenants.services import NewTenant
from hubtrack.wsgi import application

SECRETS = {slug: f"secret-of-ana-at-{slug}-0001" for slug in ADAPTERS}
PIXEL = "123456789012345"
LANDING = "https://cursosdaana.example.com/oferta"


@dataclass(frozen=True)
class Answer:
    """What the WSGI application answered."""

    status_code: int
    headers: dict[str, str]
    content: bytes

    def json(self) -> dict[str, Any]:
        answered: dict[str, Any] = json.loads(self.content)
        return answered


def post_raw(path: str, body: bytes, headers: dict[str, str], method: str = "POST") -> Answer:
    """Through the whole WSGI application, as a server would call it."""
    environ: dict[str, Any] = {
        **RequestFactory().generic(method, path, body, headers.get("content-type", "")).environ,
        **{
            f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items() if name != "content-type"
        },
    }
    started: list[Any] = []
    content = b"".join(application(environ, lambda status, pairs: started.extend((status, dict(pairs)))))  # type: ignore[arg-type]
    return Answer(int(started[0].split()[0]), started[1], content)


@dataclass
class World:
    """`key` calls the API, `funnel` is published, `client` is Django's test client."""

    key: str
    tenant_id: Any
    funnel: Funnel
    client: Client = field(default_factory=Client)
    address: str = ""

    def endpoint_key(self, gateway: str = "hotmart") -> str:
        with tenant_scope(self.tenant_id):
            key: str = self.funnel.endpoints.get(gateway=gateway).key
        return key

    def click(self, **values: Any) -> dict[str, Any]:
        answer = self.post_click(**values)
        assert answer.status_code == 201, answer.content
        ids: dict[str, Any] = answer.json()
        return ids

    def post_click(self, **values: Any) -> Any:
        hit = {"public_key": self.funnel.public_key, "url": LANDING, **values}
        return self.client.post("/api/v1/track/click", json.dumps(hit), content_type="application/json")

    def post_webhook(self, body: dict[str, Any] | bytes, *, gateway: str = "hotmart", **headers: str) -> "Answer":
        """Signed as the gateway does; `headers` are added or replace its own. Bytes may be JSON or a form."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        unsigned = WebhookRequest(raw, {"content-type": "application/json"})
        signed = ADAPTERS[gateway].verifier.sign(unsigned, SECRETS[gateway], datetime.now(UTC))
        path = self.address or f"/api/v1/webhooks/{gateway}/{self.endpoint_key(gateway)}"
        query = f"?{urlencode(signed.query)}" if signed.query else ""
        return post_raw(path + query, signed.body, {**signed.headers, **headers})

    def get(self, path: str, **query: str) -> Any:
        return self.client.get(f"/api/v1/{path}", query, headers=self.auth)

    def post(self, path: str, body: Any = None) -> Any:
        return self.client.post(f"/api/v1/{path}", body, content_type="application/json", headers=self.auth)

    def patch(self, path: str, body: Any) -> Any:
        return self.client.patch(f"/api/v1/{path}", body, content_type="application/json", headers=self.auth)

    @property
    def auth(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def run_stages(self) -> int:
        """What the workers would do: match what is due, then deliver what is due; requests made."""
        self.match()
        with unscoped():
            made = 0
            for destination in due_destinations():
                while handled := deliver_due(destination).rows:
                    made += handled
        return made

    def match(self) -> None:
        with unscoped():
            while match_batch().rows:
                pass

    def event(self, order_id: str, name: str = "Purchase") -> dict[str, Any]:
        """The one event of this order and name, in detail."""
        listed = [row for row in self.events(order_id) if row["event_name"] == name]
        assert len(listed) == 1, listed
        found: dict[str, Any] = self.get(f"events/{listed[0]['event_id']}").json()
        return found

    def events(self, order_id: str) -> list[dict[str, Any]]:
        """Every event of this order, as listed."""
        listed: list[dict[str, Any]] = self.get("events", order_id=order_id).json()["results"]
        return listed

    def conversion(self, order_id: str) -> dict[str, Any]:
        """The one conversion of this order."""
        results = self.get("conversions", order_id=order_id).json()["results"]
        assert len(results) == 1, results
        found: dict[str, Any] = results[0]
        return found


def make_world(made: NewTenant) -> World:
    with tenant_scope(made.tenant.pk):
        funnel = create_funnel(
            {
                "name": "Curso de Confeitaria",
                "landing_url": LANDING,
                "endpoints": [{"gateway": name, "secret": secret} for name, secret in SECRETS.items()],
                "destinations": [{"platform": "meta", "pixel_id": PIXEL, "access_token": "token-of-ana"}],
            }
        )
        publish_funnel(funnel)
    return World(key=made.api_key, tenant_id=made.tenant.pk, funnel=funnel)


def hotmart(event: str = "PURCHASE_APPROVED", order_id: str = "HP0000000001", **changes: Any) -> dict[str, Any]:
    """A Hotmart 2.0.0 body; `changes`: sck, at_ms, email, phone, price, currency, product_id, recurrence."""
    at_ms = changes.get("at_ms", int(time.time() * 1000))
    purchase: dict[str, Any] = {
        "transaction": order_id,
        "status": "APPROVED",
        "order_date": at_ms,
        "approved_date": at_ms,
        "price": {"value": changes.get("price", 197.9), "currency_value": changes.get("currency", "BRL")},
        "payment": {"type": "PIX", "installments_number": 1},
    }
    if "sck" in changes:
        purchase["origin"] = {"sck": changes["sck"]}
    if "recurrence" in changes:
        purchase["recurrence_number"] = changes["recurrence"]
    return {
        "id": f"{event}-{order_id}-{at_ms}",
        "creation_date": at_ms,
        "event": event,
        "version": "2.0.0",
        "data": {
            "product": {"id": changes.get("product_id", 4815162), "name": "Curso de Confeitaria"},
            "buyer": {
                "email": changes.get("email", "beatriz@example.com"),
                "name": "Beatriz Moura",
                "checkout_phone_code": "11",
                "checkout_phone": changes.get("phone", "987654321"),
            },
            "purchase": purchase,
        },
    }
