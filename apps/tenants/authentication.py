"""REST authentication: `Authorization: Bearer <api_key>` enters the key's tenant scope."""

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from apps.tenants.models import ApiKey
from apps.tenants.scoping import enter_scope
from apps.tenants.services import find_api_key

if TYPE_CHECKING:
    from drf_spectacular.openapi import AutoSchema


class ApiClient:
    """The caller behind a key; DRF's permission classes ask it `is_authenticated`."""

    is_authenticated = True

    def __init__(self, key: ApiKey) -> None:
        self.key = key


class ApiKeyAuthentication(BaseAuthentication):
    """Refuses a wrong or revoked key with 401; a request without one stays anonymous."""

    def authenticate(self, request: Request) -> tuple[ApiClient, ApiKey] | None:
        scheme, _space, key = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        found = find_api_key(key.strip().decode("latin-1"))
        if found is None:
            raise AuthenticationFailed(_("The API key is wrong or was revoked. Create another one in the settings."))
        enter_scope(found.tenant_id)
        return ApiClient(found), found

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def actor_of(request: Request) -> str:
    """Who calls, for an audit trail: the key's name and the part of it that is not secret."""
    return f"API: {request.auth.name} ({request.auth.prefix}…)" if isinstance(request.auth, ApiKey) else ""


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Tells OpenAPI about the key."""

    target_class = ApiKeyAuthentication
    name = "apiKey"

    def get_security_definition(self, auto_schema: "AutoSchema") -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}
