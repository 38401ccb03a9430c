"""Answers about tokens in the documented shape, and the state of what the hub knows of them."""

import time
from datetime import timedelta
from typing import Any

from django.utils import timezone

from apps.dispatch.models import TokenCheck
from apps.dispatch.tokens.services import check_tokens
from apps.tenants.scoping import unscoped

APP_ID, APP_SECRET = "100000000000001", "secret-of-the-hubs-app"
DAY = 86_400


def debug(**changes: Any) -> tuple[int, Any]:
    """`debug_token` of a token that never ends."""
    data = {"app_id": "1", "type": "USER", "is_valid": True, "expires_at": 0, "data_access_expires_at": 0, **changes}
    return 200, {"data": {"scopes": ["ads_management"], **data}}


def in_days(days: float) -> int:
    return int(time.time() + days * DAY)


def ask() -> int:
    with unscoped():
        return check_tokens()


def make_due() -> None:
    """As if an hour had passed."""
    with unscoped():
        TokenCheck.objects.update(next_at=timezone.now() - timedelta(seconds=1))


def the_check(**which: Any) -> TokenCheck:
    with unscoped():
        found: TokenCheck = TokenCheck.objects.get(**which)
    return found
