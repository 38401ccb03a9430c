"""No tenant scope leaks from one request into the next; the admin, which serves support, sees all tenants."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from apps.tenants.scoping import fresh_scope, unscoped


class ScopeMiddleware:
    """Starts each request without a scope; authentication enters one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = getattr(request, "user", None)
        is_support = request.path.startswith("/admin/") and user is not None and user.is_staff
        with unscoped() if is_support else fresh_scope():
            return self.get_response(request)
