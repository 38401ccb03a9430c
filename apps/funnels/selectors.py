"""Reads of the configuration that runs."""

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any, Literal

from apps.core.db import release_connection
from apps.core.remember import Remembered
from apps.funnels.models import Destination, Endpoint, Funnel, FunnelVersion, Rollout, Trial
from apps.tenants.scoping import unscoped

_REMEMBERED_S = 2.0


@dataclass(frozen=True, slots=True)
class DestinationConfig:
    """One destination as published; the token is read from its row when a request is made.

    Each member is the destination's column of the same name. Of its requests `canary_percent` go to `canary_version`.
    Those with a default came later: a version published before one reads as having the default.
    """

    id: uuid.UUID
    platform: str
    pixel_id: str
    test_event_code: str
    api_version: str
    base_url: str
    canary_version: str = ""
    canary_percent: int = 0


@dataclass(frozen=True, slots=True)
class FunnelConfig:
    """A published version: everything that decides what is matched and sent.

    Each member but the destinations is the funnel's column of the same name. Those with a default came later: a version
    published before one reads as having the default. Thresholds are confidences from 0.5 to 1; `weight_set` names the
    weights that matching scores with, "" being the product's own.
    """

    landing_url: str
    attribution_window_days: int
    unknown_consent: Literal["send", "block"]
    destinations: tuple[DestinationConfig, ...]
    event_names: dict[str, str] = field(default_factory=dict)
    child_orders: Literal["exclude", "purchase"] = "exclude"
    page_events: Literal["hybrid", "server_only", "browser_only"] = "hybrid"
    view_through_days: int = 0
    attribution_model: Literal["last_click", "first_click", "any_click"] = "last_click"
    auto_threshold: float = 0.85
    review_threshold: float = 0.60
    uncertain_matches: Literal["review", "auto"] = "review"
    review_hours: int = 4
    review_timeout: Literal["unmatched", "accept"] = "unmatched"
    weight_set: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "destinations": [{**asdict(item), "id": str(item.id)} for item in self.destinations],
        }

    @classmethod
    def from_json(cls, config: dict[str, Any]) -> "FunnelConfig":
        destinations = tuple(
            DestinationConfig(**{**item, "id": uuid.UUID(item["id"])}) for item in config["destinations"]
        )
        return cls(**{**config, "destinations": destinations})


@dataclass(frozen=True, slots=True, repr=False)
class LiveEndpoint:
    """What a webhook needs to know of its endpoint; `secrets` newest first, `credentials` for the gateway's own API."""

    id: uuid.UUID
    tenant_id: uuid.UUID
    funnel_id: uuid.UUID
    gateway: str
    secrets: tuple[str, ...]
    candidate: Trial = Trial.OFF
    credentials: Mapping[str, str] = field(default_factory=dict)


_COLUMNS = tuple(member.name for member in fields(FunnelConfig) if member.name != "destinations")
_DESTINATION_COLUMNS = tuple(member.name for member in fields(DestinationConfig))
_configs: Remembered[tuple[int, datetime], FunnelConfig] = Remembered(seconds=3600)
_endpoints: Remembered[tuple[str, str], LiveEndpoint] = Remembered(seconds=_REMEMBERED_S)
_funnels: Remembered[str, tuple[uuid.UUID, uuid.UUID]] = Remembered(seconds=_REMEMBERED_S)


def draft_config(funnel: Funnel) -> FunnelConfig:
    """What would run if `funnel` were published now."""
    destinations = Destination.objects.filter(funnel=funnel).order_by("created_at", "id")
    return FunnelConfig(
        **{name: getattr(funnel, name) for name in _COLUMNS},
        destinations=tuple(
            DestinationConfig(**{name: getattr(row, name) for name in _DESTINATION_COLUMNS}) for row in destinations
        ),
    )


def published_configs(funnel_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, FunnelConfig]:
    """The running configuration of each published funnel; an unpublished one is absent."""
    rows = Funnel.objects.filter(pk__in=set(funnel_ids), published__isnull=False)
    running = {pk: published for pk, *published in rows.values_list("pk", "published", "published__published_at")}
    known = {pk: config for pk, (version, at) in running.items() if (config := _configs.recall((version, at)))}
    unknown = [version for pk, (version, _at) in running.items() if pk not in known]
    return known | _read_configs(unknown) if unknown else known


def _read_configs(versions: Iterable[int]) -> dict[uuid.UUID, FunnelConfig]:
    """Remembered for long: a published version never changes. Its time tells it from one of a database restored since,
    whose keys begin again.
    """
    return {
        version.funnel_id: _configs.keep((version.pk, version.published_at), FunnelConfig.from_json(version.config))
        for version in FunnelVersion.objects.filter(pk__in=versions)
    }


def find_endpoint(gateway: str, key: str) -> LiveEndpoint | None:
    """The endpoint behind an address, or None when it is unknown, of another gateway, or off.

    A live one is remembered for two seconds in each process: a burst of webhooks costs one query.
    """
    return remembered_endpoint(gateway, key) or _read_endpoint(gateway, key)


def remembered_endpoint(gateway: str, key: str) -> LiveEndpoint | None:
    """The same without asking the database; None also when it would have to be asked."""
    return _endpoints.recall((gateway, key))


def _read_endpoint(gateway: str, key: str) -> LiveEndpoint | None:
    with unscoped():
        row: Endpoint | None = Endpoint.objects.filter(key=key, gateway=gateway).exclude(rollout=Rollout.OFF).first()
    release_connection()
    if row is None:
        return None
    live = LiveEndpoint(
        id=row.id,
        tenant_id=row.tenant_id,
        funnel_id=row.funnel_id,
        gateway=row.gateway,
        secrets=tuple(secret for secret in (row.secret, row.previous_secret) if secret),
        candidate=Trial(row.candidate),
        credentials=credentials_of(row),
    )
    return _endpoints.keep((gateway, key), live)


def credentials_of(endpoint: Endpoint) -> dict[str, str]:
    """For the gateway's own API; empty when the customer gave none."""
    return json.loads(endpoint.credentials) if endpoint.credentials else {}


def has_unpublished_changes(funnel: Funnel) -> bool:
    """Compared as read, so that a version published before a setting existed counts as having its default."""
    return funnel.published is None or FunnelConfig.from_json(funnel.published.config) != draft_config(funnel)


def find_funnel(public_key: str) -> tuple[uuid.UUID, uuid.UUID] | None:
    """(tenant id, funnel id) of a page's public key; remembered like endpoints."""
    known = _funnels.recall(public_key)
    if known is None:
        with unscoped():
            known = Funnel.objects.filter(public_key=public_key).values_list("tenant_id", "id").first()
    return known and _funnels.keep(public_key, known)


def forget_remembered() -> None:
    """Make the next look-up of an endpoint or funnel read the database."""
    _endpoints.forget()
    _funnels.forget()
