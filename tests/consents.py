"""Visitors who say yes or no to ads, by each way there is, and what the database then holds."""

import json
from typing import Any

from apps.clicks.models import ConsentRecord, Session
from apps.dispatch.models import Send
from apps.tenants.scoping import unscoped
from tests.worlds import World


def post_word(world: World, **members: Any) -> Any:
    """A word through the public endpoint; `members` replace or add to the least that it needs."""
    body = {"public_key": world.funnel.public_key, "consent_ads": False, **members}
    return world.client.post("/api/v1/track/consent", json.dumps(body), content_type="text/plain")


def say(world: World, answer: bool, **who: Any) -> None:
    assert post_word(world, consent_ads=answer, **who).status_code == 204


def words() -> list[tuple[bool, str]]:
    """(answer, means) of every word, oldest first."""
    with unscoped():
        return list(ConsentRecord.objects.order_by("given_at", "pk").values_list("consent_ads", "source"))


def session_of(session_id: str) -> Session:
    with unscoped():
        row: Session = Session.objects.get(public_id=session_id)
    return row


def sends() -> list[tuple[str, str]]:
    """(status, reason) of every send, oldest first."""
    with unscoped():
        return list(Send.objects.order_by("pk").values_list("status", "reason"))
