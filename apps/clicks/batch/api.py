"""`POST /api/v1/events/batch`: up to 1,000 events of a customer's server, signed over the raw body.

Plain Django, since what is signed are the bytes. Only a body that is no batch at all is refused as a whole; every event
of a batch gets an answer of its own, in the order given. docs/events-batch.md is for who writes the sender.
"""

import time
from collections import Counter
from typing import Any

import msgspec
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt

from apps.clicks.batch.answers import REFUSED, answer_events
from apps.clicks.batch.reading import MAX_EVENTS
from apps.clicks.batch.services import Outcome
from apps.clicks.visitors import seconds_to_wait, visitor_ip
from apps.core.db import DATABASE_TROUBLE
from apps.core.errors import (
    HubError,
    MethodNotAllowed,
    NotAuthentic,
    Overloaded,
    TooLarge,
    TooMany,
    Unreadable,
)
from apps.core.log import get_logger
from apps.core.problems import problem
from apps.core.rate_limit import Limit, take
from apps.tenants.models import SigningKey
from apps.tenants.services import find_signing_key, note_signing_key_use
from apps.tenants.signing import MAX_KEY_ID, WINDOW_S, Claim, is_signed_by, seconds_apart

# Twenty full batches a second are twenty thousand events.
PER_SIGNING_KEY = Limit("signing-key", rate=20, burst=200)
_FORGED = gettext_lazy("Key, timestamp and signature do not fit each other and the body, or the key was revoked.")
log = get_logger(__name__)


@csrf_exempt
def receive_batch(request: HttpRequest) -> HttpResponse:
    try:
        if request.method != "POST":
            raise MethodNotAllowed("POST")
        return JsonResponse(_receive(request))
    except HubError as error:
        return problem(error)
    except DATABASE_TROUBLE as error:
        log.error("batch.not_stored", error_type=type(error).__name__)
        return problem(Overloaded(_("Nothing was stored. Send it again in a few seconds.")))


def _receive(request: HttpRequest) -> dict[str, Any]:
    body = _read_raw(request)
    key = _authenticate(request, body)
    given = _read_batch(body)
    note_signing_key_use(key)
    results = answer_events(key, given, timezone.now())
    counts = Counter(result["status"] for result in results)
    log.info("batch.received", tenant_id=str(key.tenant_id), count=len(results), rows=counts[Outcome.RECORDED])
    return {
        "results": results,
        "recorded": counts[Outcome.RECORDED],
        "duplicates": counts[Outcome.DUPLICATE],
        "refused": counts[REFUSED],
    }


def _read_raw(request: HttpRequest) -> bytes:
    try:
        return request.body
    except RequestDataTooBig as error:
        limit = {"limit": settings.MAX_BODY_BYTES}
        raise TooLarge(_("The body may have %(limit)d bytes at most. Send a smaller one.") % limit) from error
    except UnreadablePostError as error:
        raise Unreadable(_("The body is shorter than its Content-Length. Send it again.")) from error


def _authenticate(request: HttpRequest, body: bytes) -> SigningKey:
    """The key that signed this. Who signed is not told how a refusal came about; only a wrong clock is named."""
    claim = Claim(
        key_id=request.headers.get("X-Hubtrack-Key", ""),
        timestamp=request.headers.get("X-Hubtrack-Timestamp", ""),
        signature=request.headers.get("X-Hubtrack-Signature", ""),
    )
    is_plausible = claim.key_id.isascii() and claim.key_id.isprintable() and len(claim.key_id) <= MAX_KEY_ID
    key_id = claim.key_id if is_plausible else ""
    # Before the signature is known to be right, only so that guessing is slow.
    if wait := seconds_to_wait(f"signing:{key_id}", visitor_ip(request)):
        raise TooMany(_("Nothing was stored. Send less often."), retry_after_s=wait)
    key = find_signing_key(key_id) if key_id else None
    if not is_signed_by(key.secret if key else None, claim, body) or key is None:
        raise NotAuthentic(_FORGED)
    _check_clock(seconds_apart(claim, time.time()))
    if wait := take([(PER_SIGNING_KEY, key.key_id)]):
        raise TooMany(_("Nothing was stored. Send less often."), retry_after_s=wait)
    return key


def _check_clock(apart_s: int) -> None:
    if abs(apart_s) <= WINDOW_S:
        return
    facts = {"seconds": abs(apart_s), "limit": WINDOW_S}
    if apart_s > 0:
        raise NotAuthentic(
            _(
                "The signature is right but %(seconds)d seconds old; %(limit)d are accepted. "
                "Sign each attempt anew, and set your server's clock if it is behind."
            )
            % facts
        )
    raise NotAuthentic(
        _(
            "The signature is right but %(seconds)d seconds ahead of the hub's clock; %(limit)d are accepted. "
            "Set your server's clock."
        )
        % facts
    )


def _read_batch(body: bytes) -> list[Any]:
    """The members of `events`; raises Unreadable for what is no batch."""
    try:
        given = msgspec.json.decode(body)
    except (ValueError, RecursionError) as error:
        raise Unreadable(_("The body is not valid JSON. Send one JSON object.")) from error
    events = given.get("events") if isinstance(given, dict) else None
    if not isinstance(events, list):
        raise Unreadable(
            _('The body must be one JSON object with a list: {"events": [...]}.'),
            fields={"events": _("This must be a list.")},
        )
    if len(events) > MAX_EVENTS:
        facts = {"limit": MAX_EVENTS, "count": len(events)}
        raise Unreadable(
            _("A batch may have %(limit)d events at most, and this one has %(count)d. Split it.") % facts,
            fields={"events": _("At most %(limit)d events are accepted.") % facts},
        )
    return events
