"""`/healthz`, `/readyz`, `/metrics`."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST

from apps.monitoring.metrics import render
from apps.monitoring.probes import check_servers


def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 when every server behind the hub answers, else 503 naming those that do not."""
    servers = check_servers()
    ready = all(servers.values())
    return JsonResponse({"status": "ok" if ready else "not_ready", **servers}, status=200 if ready else 503)


def metrics(request: HttpRequest) -> HttpResponse:
    return HttpResponse(render(), content_type=CONTENT_TYPE_LATEST)
