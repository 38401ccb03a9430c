"""Meta's tokens: `debug_token`, the exchange of a 60-day system user's token, and `revoke`.

Meta takes the token that is asked about, and the app's secret, only in the address: nothing of these calls is ever
logged, and errors of the client carry a word. The token that asks goes into the header. The hub's own app is named to
the hub's own Graph host alone: a destination may have any host for an address.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from urllib.parse import urlencode

from django.conf import settings

from apps.core.http import Answer, OutboundClient, OutboundError
from apps.dispatch.meta.token_answers import is_done, read_fresh_token, read_inspection
from apps.dispatch.platform import Target
from apps.dispatch.tokens.keeper import RenewalError
from apps.dispatch.tokens.rules import Inspection, State


@dataclass(frozen=True, slots=True)
class _App:
    """The hub's own app at Meta."""

    id: str
    secret: str = field(repr=False)

    @property
    def token(self) -> str:
        return f"{self.id}|{self.secret}"


class MetaTokens:
    """A client of its own: a slow answer about a token holds up no event."""

    @cached_property
    def _client(self) -> OutboundClient:
        return OutboundClient(allow_loopback=settings.OUTBOUND_ALLOW_LOOPBACK, read_timeout=5.0, pool_size=8)

    def inspect(self, target: Target) -> Inspection:
        """Asked with the app's token, which Meta answers for tokens of that app; else with the token itself."""
        app = _find_app(target)
        if app:
            told = self._ask(target, app.token, app.id)
            if told.state is not State.UNKNOWN or told.wait_s or not told.is_told:
                return told
        return self._ask(target, target.token, app.id if app else "")

    def renew(self, target: Target) -> str:
        app = _require_app(target)
        answer = self._call(
            target,
            "oauth/access_token",
            {
                "grant_type": "fb_exchange_token",
                "client_id": app.id,
                "client_secret": app.secret,
                "fb_exchange_token": target.token,
                "set_token_expires_in_60_days": "true",
            },
        )
        token = read_fresh_token(answer.status, answer.body)
        if token is None or token == target.token:
            raise RenewalError(f"http_{answer.status}")
        return token

    def revoke(self, target: Target, token: str) -> None:
        app = _require_app(target)
        parameters = {"client_id": app.id, "client_secret": app.secret, "revoke_token": token}
        answer = self._call(target, "oauth/revoke", parameters, asking=target.token)
        if not is_done(answer.status, answer.body):
            raise RenewalError(f"http_{answer.status}")

    def _ask(self, target: Target, asking: str, app_id: str) -> Inspection:
        try:
            answer = self._get(target, "debug_token", {"input_token": target.token}, asking)
        except OutboundError as error:
            return Inspection(problem=error.reason, is_told=False)
        told = read_inspection(
            answer.status, answer.headers, answer.body, asked_itself=asking == target.token, app_id=app_id
        )
        return replace(told, problem=told.problem[:60])

    def _call(self, target: Target, path: str, parameters: dict[str, str], asking: str = "") -> Answer:
        try:
            return self._get(target, path, parameters, asking)
        except OutboundError as error:
            raise RenewalError(error.reason) from None

    def _get(self, target: Target, path: str, parameters: dict[str, str], asking: str) -> Answer:
        headers = {"Authorization": f"Bearer {asking}"} if asking else {}
        return self._client.get(f"{target.base_url}/{target.api_version}/{path}?{urlencode(parameters)}", headers)


def _find_app(target: Target) -> _App | None:
    is_ours = settings.META_APP_ID and settings.META_APP_SECRET and target.base_url == settings.META_GRAPH_URL
    return _App(settings.META_APP_ID, settings.META_APP_SECRET) if is_ours else None


def _require_app(target: Target) -> _App:
    app = _find_app(target)
    if app is None:
        raise RenewalError("no_app")
    return app
