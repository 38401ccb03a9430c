"""How a token of a system user is renewed: exchanged for a fresh one while it lives, and revoked afterwards.

`GET [/<version>]/oauth/access_token` and `GET [/<version>]/oauth/revoke`. Any app's id and secret are good here, except
a secret that contains "wrong".
"""

from collections.abc import Mapping
from datetime import datetime

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from apps.sandbox import services
from apps.sandbox.meta.refusals import UNSUPPORTED_METHOD, Refusal, RefusalError, bad_parameter
from apps.sandbox.meta.tokens import LIFE, find_token, new_token
from apps.sandbox.meta.versions import check_version
from apps.sandbox.revocations import require_live, revoke_token

_WRONG_SECRET = Refusal(message="Error validating client secret.", code=1)


@csrf_exempt
def exchange(request: HttpRequest, version: str | None = None) -> JsonResponse:
    """A fresh token; the old one lives on."""
    now = timezone.now()
    try:
        _check(request, version, now)
        parameters = request.GET.dict()
        if _require(parameters, "grant_type") != "fb_exchange_token":
            raise RefusalError(bad_parameter("Must be fb_exchange_token", "grant_type"))
        require_live(_require(parameters, "fb_exchange_token"), now)
    except RefusalError as refused:
        return _refuse(refused.refusal)
    seconds = int(LIFE.total_seconds())
    return JsonResponse({"access_token": new_token(now), "token_type": "bearer", "expires_in": seconds})


@csrf_exempt
def revoke(request: HttpRequest, version: str | None = None) -> JsonResponse:
    """End `revoke_token`, on the word of another live token."""
    now = timezone.now()
    try:
        _check(request, version, now)
        parameters = request.GET.dict()
        ended = _require(parameters, "revoke_token")
        require_live(find_token(request.headers.get("Authorization", ""), parameters), now)
    except RefusalError as refused:
        return _refuse(refused.refusal)
    revoke_token(ended)
    return JsonResponse({"success": True})


def _check(request: HttpRequest, version: str | None, now: datetime) -> None:
    if request.method != "GET":
        raise RefusalError(UNSUPPORTED_METHOD)
    if version is not None:
        check_version(version, now)
    _require(request.GET.dict(), "client_id")
    if "wrong" in _require(request.GET.dict(), "client_secret"):
        raise RefusalError(_WRONG_SECRET)


def _require(parameters: Mapping[str, str], name: str) -> str:
    value = parameters.get(name, "").strip()
    if not value:
        raise RefusalError(bad_parameter("Missing value", name))
    return value


def _refuse(refusal: Refusal) -> JsonResponse:
    answer = services.refuse(refusal)
    return JsonResponse(answer.body, status=answer.status)
