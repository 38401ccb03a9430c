"""Batches as a customer's server sends them, signed as the documents say and not by the hub's own code."""

import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from typing import Any

from apps.tenants.models import SigningKey
from apps.tenants.scoping import tenant_scope
from apps.tenants.services import create_signing_key
from tests.worlds import LANDING, World

URL = "/api/v1/events/batch"
ANA = hashlib.sha256(b"ana@example.com").hexdigest()
BIA = hashlib.sha256(b"bia@example.com").hexdigest()


@dataclass
class Server:
    """A customer's server with a signing key of its own."""

    world: World
    key: SigningKey

    def send(self, *events: Any) -> dict[str, Any]:
        """What was answered on a batch of these."""
        answer = self.post(json.dumps({"events": events}).encode())
        assert answer.status_code == 200, answer.content
        told: dict[str, Any] = answer.json()
        return told

    def one(self, event: Any) -> dict[str, Any]:
        (result,) = self.send(event)["results"]
        found: dict[str, Any] = result
        return found

    def post(self, body: bytes, headers: dict[str, str] | None = None, *, late_s: float = 0) -> Any:
        """`headers` replace those of a right signature; an empty one is not sent."""
        headers = headers or {}
        stamp = headers.get("X-Hubtrack-Timestamp") or str(int(time.time() - late_s))
        digest = hmac.new(self.key.secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        signed = {
            "X-Hubtrack-Key": self.key.key_id,
            "X-Hubtrack-Timestamp": stamp,
            "X-Hubtrack-Signature": f"v1={digest}",
            **headers,
        }
        sent = {name: value for name, value in signed.items() if value}
        return self.world.client.post(URL, body, content_type="application/json", headers=sent)

    def event(self, event_id: str = "e1", event_name: str = "pageview", **members: Any) -> dict[str, Any]:
        key = self.world.funnel.public_key
        return {"event_id": event_id, "event_name": event_name, "public_key": key, "url": LANDING, **members}


def make_server(world: World, *, may_send_clear: bool = False) -> Server:
    with tenant_scope(world.tenant_id):
        return Server(world, create_signing_key(name="shop", may_send_clear=may_send_clear))
