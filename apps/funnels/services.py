"""Use-cases of funnels: the only writers of funnels, endpoints, destinations and versions."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core.errors import BadInput
from apps.funnels.models import Destination, Endpoint, Funnel, FunnelVersion
from apps.funnels.selectors import FunnelConfig, draft_config

_DRAFT_FIELDS = ("name", "landing_url", "attribution_window_days", "unknown_consent")
_DESTINATION_FIELDS = ("test_event_code", "api_version", "base_url")


@transaction.atomic
def create_funnel(values: Mapping[str, Any]) -> Funnel:
    """A draft of the tenant in scope; `values` as in the REST body, already validated."""
    funnel: Funnel = Funnel.objects.create(**{name: values[name] for name in _DRAFT_FIELDS if name in values})
    _save_parts(funnel, values)
    return funnel


@transaction.atomic
def update_funnel(funnel: Funnel, values: Mapping[str, Any]) -> Funnel:
    """Change the draft. Endpoints merge by gateway, destinations by (platform, pixel_id); none is removed."""
    _lock(funnel)
    for name in _DRAFT_FIELDS:
        if name in values:
            setattr(funnel, name, values[name])
    funnel.save()
    _save_parts(funnel, values)
    return funnel


def _lock(funnel: Funnel) -> None:
    """One change of a funnel at a time, each starting from what the one before it left."""
    funnel.refresh_from_db(from_queryset=Funnel.objects.select_for_update())


def _save_parts(funnel: Funnel, values: Mapping[str, Any]) -> None:
    for endpoint in values.get("endpoints", ()):
        _save_endpoint(funnel, gateway=endpoint["gateway"], secret=endpoint["secret"])
    for destination in values.get("destinations", ()):
        _save_destination(funnel, destination)


def _save_endpoint(funnel: Funnel, *, gateway: str, secret: str) -> None:
    endpoint, created = Endpoint.objects.get_or_create(
        funnel=funnel, gateway=gateway, defaults={"tenant_id": funnel.tenant_id, "secret": secret}
    )
    if not created:
        replace_secret(endpoint, secret)


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
    if funnel.published and funnel.published.config == config.to_json():
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
