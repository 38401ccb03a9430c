"""Exchange a token that ends soon for a fresh one: get it, try it, save it everywhere, and only then end the old one.

Until the fresh token is saved the old one is in use, and a step that fails leaves it so. A token that was not revoked
ends by itself within the days that it had left.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from random import random

from django.db import transaction
from django.db.models.functions import Now

from apps.core.db import release_connection
from apps.core.log import get_logger
from apps.core.metrics import count
from apps.dispatch.models import Batch, TokenCheck
from apps.dispatch.platform import Target
from apps.dispatch.tokens.keeper import RenewalError, TokenKeeper
from apps.dispatch.tokens.rules import Inspection, lasts, next_check
from apps.funnels.models import Destination
from apps.funnels.services import replace_token

# Requests that are under way with the old token must not find it dead.
LOOKS = 15
LOOK_EVERY_S = 1.0
log = get_logger(__name__)


def renew_token(keeper: TokenKeeper, old: Target, destinations: Sequence[Destination], now: datetime) -> bool:
    """Whether the token of `old` was replaced. False leaves everything as it is."""
    named = str(destinations[0].pk)
    try:
        fresh = replace(old, token=keeper.renew(old))
        seen = keeper.inspect(fresh)
        if not lasts(seen, now):
            raise RenewalError(seen.problem or "not_longer")
    except RenewalError as error:
        log.warning("token.not_renewed", destination_id=named, reason=str(error))
        return False
    changed = _save_everywhere(destinations[0].platform, old.token, fresh.token, seen, now)
    if not changed:
        return False
    log.info("token.renewed", destination_id=named, rows=len(changed))
    count("tokens_renewed")
    _end(keeper, fresh, old.token, changed)
    return True


@transaction.atomic
def _save_everywhere(platform: str, old: str, fresh: str, seen: Inspection, now: datetime) -> list[Destination]:
    """In every destination with the old token, whoever's it is: ending it would stop those that still had it."""
    tokens = Destination.objects.filter(platform=platform).values_list("pk", "access_token")
    keys = [pk for pk, token in tokens.iterator() if token == old]
    held = Destination.objects.filter(pk__in=keys).order_by("pk").select_for_update(no_key=True)
    changed = [row for row in held if row.access_token == old]
    for row in changed:
        replace_token(row, fresh)
        _note(row, seen, now)
    return changed


def _note(destination: Destination, seen: Inspection, now: datetime) -> None:
    facts = {
        "token_saved_at": destination.token_saved_at,
        "checked_at": now,
        "next_at": next_check(seen, now, random()),  # noqa: S311 - spreads checks, guards nothing
        "state": seen.state.value,
        "expires_at": seen.expires_at,
        "data_access_expires_at": seen.data_access_expires_at,
        "scopes": list(seen.scopes),
        "problem": "",
        "refreshed_at": now,
        "alarmed_at": None,
    }
    TokenCheck.objects.update_or_create(
        destination=destination, defaults=facts, create_defaults={**facts, "tenant_id": destination.tenant_id}
    )


def _end(keeper: TokenKeeper, fresh: Target, old: str, destinations: Sequence[Destination]) -> None:
    if not _is_out_of_use(destinations):
        log.warning("token.not_revoked", destination_id=str(destinations[0].pk), reason="in_use")
        return
    try:
        keeper.revoke(fresh, old)
    except RenewalError as error:
        log.warning("token.not_revoked", destination_id=str(destinations[0].pk), reason=str(error))


def _is_out_of_use(destinations: Sequence[Destination]) -> bool:
    """A second after it was replaced nobody begins with it; whoever began before is waited for."""
    for _look in range(LOOKS):
        release_connection()
        time.sleep(LOOK_EVERY_S)
        under_way = Batch.objects.filter(destination__in=destinations, finished_at__isnull=True, lease_until__gt=Now())
        if not under_way.exists():
            return True
    return False
