"""POST /track/consent: a visitor says yes or no to ads; public, like the other tracking endpoints.

The answer is always an empty 204: it does not tell whether the session exists, whose it is, or what it said before.
"""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from apps.clicks.api import answer_any_origin, owner_of, read_body
from apps.clicks.consent import read_word, record_consent
from apps.clicks.domains.cookies import empty_jar, open_jar
from apps.clicks.visitors import visitor_ip
from apps.core.log import get_logger

log = get_logger(__name__)


@csrf_exempt
def track_consent(request: HttpRequest) -> HttpResponse:
    return answer_any_origin(request, _record)


def _record(request: HttpRequest) -> HttpResponse:
    word = read_body(request, read_word)
    tenant_id, funnel_id = owner_of(request, word.public_key, visitor_ip(request))
    kept = record_consent(word, tenant_id=tenant_id, funnel_id=funnel_id)
    log.info("consent.said", funnel_id=str(funnel_id), outcome="kept" if kept else "no_session")
    response = HttpResponse(status=204)
    jar = open_jar(request, funnel_id, word.consent_ads)
    if jar and jar.is_refused:
        empty_jar(response, jar, request.COOKIES)
    return response
