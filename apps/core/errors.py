"""Errors typed by who must act; each becomes one problem-details answer (RFC 9457) at the edge."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrPromise


class HubError(Exception):
    """Base of what a client can cause.

    `code` is the stable word that programs read; `title` says what happened, `detail` why and what to do next.
    `fields` names the offending members of the body, each with its own sentence.
    """

    status = 400
    code = "bad_request"
    title: str | StrPromise = _("The request could not be read")

    def __init__(self, detail: str | StrPromise = "", *, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(self.code)
        self.detail = detail
        self.fields = fields or {}

    @property
    def headers(self) -> dict[str, str]:
        """What the answer carries besides its body."""
        return {}

    @property
    def members(self) -> Mapping[str, Any]:
        """What programs are told in its body besides, as JSON."""
        return {}


class BadInput(HubError):
    """The caller sent something that cannot be accepted; `fields` says where."""

    status = 422
    code = "invalid_input"
    title = _("Some values are not valid")


class Unreadable(HubError):
    """The body is not what its endpoint reads at all."""

    code = "unreadable_body"


class NotAuthentic(HubError):
    """The sender could not be authenticated."""

    status = 401
    code = "not_authentic"
    title = _("The sender could not be authenticated")


class MethodNotAllowed(HubError):
    """The address is right and the method is not; `allowed` as the Allow header wants it: "POST, OPTIONS"."""

    status = 405
    code = "method_not_allowed"
    title = _("This method is not allowed here")

    def __init__(self, allowed: str) -> None:
        super().__init__(_("Use one of these: %(methods)s.") % {"methods": allowed})
        self.allowed = allowed

    @property
    def headers(self) -> dict[str, str]:
        return {"Allow": self.allowed}


class NotFound(HubError):
    """There is no such thing, or it belongs to somebody else: the answer is the same."""

    status = 404
    code = "not_found"
    title = _("Not found")


class NotPossible(HubError):
    """The request is fine but the thing is not in a state that allows it."""

    status = 409
    code = "not_possible"
    title = _("Not possible in the current state")


class TooLarge(HubError):
    """The body exceeds the limit."""

    status = 413
    code = "too_large"
    title = _("The body is too large")


class TooMany(HubError):
    """The caller asks more often than its limit; `retry_after_s` is when the next one would be taken."""

    status = 429
    code = "too_many"
    title = _("Too many requests")

    def __init__(self, detail: str | StrPromise = "", *, retry_after_s: int = 1) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.retry_after_s)}


class Overloaded(HubError):
    """The hub cannot commit right now; the sender must try again (Retry-After is set)."""

    status = 503
    code = "try_again"
    title = _("The hub cannot store this right now")
    retry_after_s = 5

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.retry_after_s)}
