"""Tracking domains as customers set them up, and requests that come to them."""

import json
from typing import Any

from django.test import Client
from django.utils import timezone

from apps.clicks.models import TrackingDomain
from apps.tenants.scoping import tenant_scope
from tests.clicks.hits import least
from tests.worlds import World

HOST = "track.loja.com.br"
SITE = "https://www.loja.com.br"
PHONE = "Mozilla/5.0 (Linux; Android 14; SM-A546E) Chrome/130.0 Mobile Safari/537.36"


def add_proven(world: World, host: str = HOST, **values: Any) -> TrackingDomain:
    now = timezone.now()
    with tenant_scope(world.tenant_id):
        made: TrackingDomain = TrackingDomain.objects.create(
            host=host, **{"proven_at": now, "checked_at": now, **values}
        )
    return made


def send_there(world: World, path: str = "pageview", *, host: str = HOST, origin: str = SITE, **members: Any) -> Any:
    """A hit of a page at `origin`; the client keeps cookies as one host's, whatever their domain."""
    headers = {"Host": host, "User-Agent": PHONE} | ({"Origin": origin} if origin else {})
    body = json.dumps(least(world, **members))
    return world.client.post(f"/api/v1/track/{path}", body, content_type="text/plain", headers=headers)


def bring(client: Client, **cookies: str) -> None:
    """What the browser sends along from now on."""
    for name, value in cookies.items():
        client.cookies[name] = value
