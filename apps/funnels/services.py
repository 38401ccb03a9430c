"""Use-cases of funnels: the only writers of funnels, endpoints, destinations and versions."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core.errors import BadInput
from apps.funnels.models import Destination, Endpoint, Funnel, FunnelVersion, Platform, RolloutChange, Trial
from apps.funnels.selectors import FunnelConfig, draft_config, has_unpublished_changes
from apps.gateways.registry import CANDIDATES, get_adapter
from apps.gateways.signatures import Strength

_DRAFT_FIELDS = (
    *("name", "landing_url", "attribution_window_days", "unknown_consent"),
    *("event_names", "child_orders", "page_events"),
    *("view_through_days", "attribution_model", "auto_threshold", "review_threshold"),
    *("uncertain_matches", "review_hours", "review_timeout", "weight_set"),
)
_ROLLOUT_FIELDS = ("rollout", "live_percent", "candidate")
_DESTINATION_FIELDS = ("test_event_code", "api_version", "base_url", "canary_version", "canary_percent")


@transaction.atomic
def create_funnel(values: Mapping[str, Any], actor: str = "") -> Funnel:
    """A draft of the tenant in scope; `values` as in the REST body, already validated. `actor` is for the audit."""
    funnel: Funnel = Funnel.objects.create(**{name: values[name] for name in _DRAFT_FIELDS if name in values})
    _refuse_contradictions(funnel)
    _save_parts(funnel, values, actor)
    return funnel


@transaction.atomic
def update_funnel(funnel: Funnel, values: Mapping[str, Any], actor: str = "") -> Funnel:
    """Change the draft. Endpoints merge by gateway, destinations by (platform, pixel_id); none is removed."""
    _lock(funnel)
    for name in _DRAFT_FIELDS:
        if name in values:
            setattr(funnel, name, values[name])
    _refuse_contradictions(funnel)
    funnel.save()
    _save_parts(funnel, values, actor)
    return funnel


def _refuse_contradictions(funnel: Funnel) -> None:
    problems = threshold_problems(review=funnel.review_threshold, auto=funnel.auto_threshold)
    if problems:
        raise BadInput(_("Some settings of the funnel contradict each other."), fields=problems)


def threshold_problems(*, review: float, auto: float) -> dict[str, str]:
    """What is wrong with two confidences of which each may be right alone, by field."""
    if review <= auto:
        return {}
    return {"review_threshold": _("The confidence to propose a match may not be above the one to match by itself.")}


def _lock(funnel: Funnel) -> None:
    """One change of a funnel at a time, each starting from what the one before it left."""
    funnel.refresh_from_db(from_queryset=Funnel.objects.select_for_update())


def _save_parts(funnel: Funnel, values: Mapping[str, Any], actor: str) -> None:
    for endpoint in values.get("endpoints", ()):
        _save_endpoint(funnel, endpoint, actor)
    for destination in values.get("destinations", ()):
        _save_destination(funnel, destination)


def _save_endpoint(funnel: Funnel, values: Mapping[str, Any], actor: str) -> None:
    identity = {"funnel": funnel, "gateway": values["gateway"]}
    endpoint = Endpoint.objects.filter(**identity).first()
    secret = values.get("secret")
    if endpoint is None:
        endpoint = Endpoint.objects.create(**identity, tenant_id=funnel.tenant_id, secret=_new_secret(values))
    elif secret:
        replace_secret(endpoint, secret)
    if "credentials" in values:
        replace_credentials(endpoint, values["credentials"])
    switches = {name: values[name] for name in _ROLLOUT_FIELDS if name in values}
    if switches:
        switch_endpoint(endpoint, switches, actor)


def _new_secret(values: Mapping[str, Any]) -> str:
    """A gateway that signs nothing needs none: its address is the secret."""
    adapter = get_adapter(values["gateway"])
    if not values.get("secret") and adapter and adapter.verifier.strength is not Strength.NONE:
        raise BadInput(
            _("A new endpoint needs the secret that authenticates its webhooks."),
            fields={"endpoints.secret": _("required")},
        )
    return values.get("secret") or ""


def replace_credentials(endpoint: Endpoint, credentials: Mapping[str, str]) -> None:
    """Works at once. None at all: the gateway's own API is asked nothing any more."""
    endpoint.credentials = json.dumps(dict(credentials)) if credentials else None
    endpoint.save(update_fields=["credentials"])


@transaction.atomic
def switch_endpoint(endpoint: Endpoint, values: Mapping[str, Any], actor: str) -> RolloutChange | None:
    """Change how far an endpoint's deliveries go, at once; kept with its `actor`. None when nothing changed."""
    endpoint.refresh_from_db(from_queryset=Endpoint.objects.select_for_update())
    if values.get("candidate", Trial.OFF) != Trial.OFF and endpoint.gateway not in CANDIDATES:
        raise BadInput(
            _("There is no next version of this gateway's adapter to try."),
            fields={"endpoints.candidate": _("use off")},
        )
    changes = {
        name: [getattr(endpoint, name), value] for name, value in values.items() if getattr(endpoint, name) != value
    }
    if not changes:
        return None
    for name, (_before, after) in changes.items():
        setattr(endpoint, name, after)
    endpoint.save(update_fields=list(changes))
    change: RolloutChange = RolloutChange.objects.create(
        tenant_id=endpoint.tenant_id, endpoint=endpoint, actor=actor[:200], changes=changes
    )
    return change


@transaction.atomic
def replace_secret(endpoint: Endpoint, secret: str) -> None:
    """Works at once; the one before it stays valid too."""
    endpoint.refresh_from_db(from_queryset=Endpoint.objects.select_for_update())
    if endpoint.secret != secret:
        endpoint.previous_secret, endpoint.secret = endpoint.secret, secret
        endpoint.save(update_fields=["secret", "previous_secret"])


def _save_destination(funnel: Funnel, values: Mapping[str, Any]) -> None:
    identity = {"platform": values["platform"], "pixel_id": values["pixel_id"]}
    changes = {name: values[name] for name in _DESTINATION_FIELDS if name in values}
    token = values.get("access_token")
    destination = Destination.objects.filter(funnel=funnel, **identity).first()
    if destination is None or "base_url" in changes:
        _refuse_bad_address(values["platform"], values.get("base_url", ""))
    if destination is None:
        if not token:
            raise BadInput(
                _("A new destination needs its access token."),
                fields={"destinations.access_token": _("required")},
            )
        Destination.objects.create(funnel=funnel, access_token=token, **identity, **changes)
        return
    for name, value in changes.items():
        setattr(destination, name, value)
    destination.save(update_fields=changes)
    if token:
        replace_token(destination, token)


def _refuse_bad_address(platform: str, base_url: str) -> None:
    problem = address_problem(platform, base_url)
    if problem:
        raise BadInput(
            _("A destination of your own needs an address that events can be posted to."),
            fields={"destinations.base_url": problem},
        )


def address_problem(platform: str, base_url: str) -> str:
    """Why events cannot be posted to this address; "" where they can. Platforms that have one of their own need none.

    Whether the address lies in somebody's inner network is asked of the DNS at each request, not here.
    """
    if platform != Platform.HTTP:
        return ""
    if not (base_url or settings.CAPI_GATEWAY_URL):
        return _("Give the address that events are posted to.")
    schemes = ("https", "http") if settings.OUTBOUND_ALLOW_LOOPBACK else ("https",)
    parts = urlsplit(base_url)
    if base_url and parts.scheme.lower() not in schemes:
        return _("Use an address that begins with https://, so that nobody on the way can read what is sent.")
    if "@" in parts.netloc:
        return _("Leave name and password out of the address: every request is signed with the token.")
    return ""


def replace_token(destination: Destination, token: str) -> None:
    """Works at once; what was parked for want of a working token becomes due again."""
    destination.access_token, destination.token_saved_at = token, timezone.now()
    destination.save(update_fields=["access_token", "token_saved_at"])


@transaction.atomic
def publish_funnel(funnel: Funnel) -> FunnelVersion:
    """Make the draft what runs; raises BadInput naming what stops it. Publishing twice the same changes nothing."""
    _lock(funnel)
    config = draft_config(funnel)
    problems = publication_problems(config)
    if problems:
        raise BadInput(_("Complete the funnel before publishing it."), fields=problems)
    if funnel.published and not has_unpublished_changes(funnel):
        return funnel.published
    number = (FunnelVersion.objects.filter(funnel=funnel).aggregate(last=Max("number"))["last"] or 0) + 1
    version: FunnelVersion = FunnelVersion.objects.create(funnel=funnel, number=number, config=config.to_json())
    funnel.published = version
    funnel.save(update_fields=["published", "updated_at"])
    return version


def publication_problems(config: FunnelConfig) -> dict[str, str]:
    """What stops a publication, by field. Advisory findings (no endpoint yet, a token unchecked) do not."""
    problems = {}
    if not config.landing_url:
        problems["landing_url"] = _("Give the address of the page that the ads lead to.")
    if not config.destinations:
        problems["destinations"] = _("Add at least one destination: the sales need somewhere to go.")
    return problems
