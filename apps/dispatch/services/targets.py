"""Where a destination's next request goes: as published, with the hub's settings and the version on trial.

No request goes to a version whose end has passed or that the platform refused: the hub's own version takes its place.
"""

from dataclasses import dataclass
from datetime import datetime
from random import random

from apps.dispatch.models import Breaker
from apps.dispatch.platform import Target
from apps.dispatch.registry import CALENDARS, PLATFORMS
from apps.funnels.models import Destination
from apps.funnels.selectors import DestinationConfig, FunnelConfig, published_configs


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes. `fallback` is where it goes once more if its version is refused (canary.py): a canary's is
    what the destination otherwise uses, and that of a destination's own version is the hub's, which has none."""

    target: Target
    fallback: "Route | None" = None
    is_canary: bool = False


def config_of(destination: Destination) -> FunnelConfig:
    return published_configs([destination.funnel_id])[destination.funnel_id]


def top_of(destination: Destination) -> int:
    """The most events that are sent to it in one request."""
    limits = PLATFORMS[destination.platform].limits
    return min(limits.batch, limits.max_batch)


def source_of(destination: Destination, config: FunnelConfig | None) -> DestinationConfig | Destination:
    """As published; what was never published, or was taken out of the funnel since, goes where its draft says."""
    found = (item for item in config.destinations if item.id == destination.pk) if config else iter(())
    return next(found, None) or destination


def default_version(platform: str, now: datetime) -> str:
    """The hub's own; should it have ended without anybody's noticing, the newest that is known."""
    version = PLATFORMS[platform].resolve(base_url="", api_version="")[1]
    calendar = CALENDARS.get(platform)
    return calendar.newest if calendar and calendar.is_gone(version, now) else version


def target_of(destination: Destination, source: DestinationConfig | Destination, version: str) -> Target:
    base_url, api_version = PLATFORMS[destination.platform].resolve(base_url=source.base_url, api_version=version)
    return Target(
        base_url=base_url,
        api_version=api_version,
        pixel_id=destination.pixel_id,
        test_event_code=source.test_event_code,
        token=destination.access_token,
    )


def choose_route(destination: Destination, config: FunnelConfig, now: datetime) -> Route:
    source = source_of(destination, config)
    refused = _refused_version(destination, source)
    default = target_of(destination, source, default_version(destination.platform, now))
    own = stable_target(destination, source, refused, now)
    stable = Route(own, Route(default) if own != default else None)
    if _is_on_trial(destination, source, refused, now):
        canary = target_of(destination, source, source.canary_version)
        if canary != own:
            return Route(canary, stable, is_canary=True)
    return stable


def stable_target(
    destination: Destination, source: DestinationConfig | Destination, refused: str, now: datetime
) -> Target:
    """Where its requests go that try nothing new; `refused` is the version that was given up."""
    is_usable = _is_usable(destination.platform, source.api_version, refused, now)
    return target_of(
        destination, source, source.api_version if is_usable else default_version(destination.platform, now)
    )


def _refused_version(destination: Destination, source: DestinationConfig | Destination) -> str:
    """There is room for one. Once the destination's own version is refused, none is tried any more."""
    if not (source.api_version or source.canary_version):
        return ""
    row = Breaker.objects.filter(destination=destination).values_list("refused_version", flat=True).first()
    return row or ""


def _is_usable(platform: str, version: str, refused: str, now: datetime) -> bool:
    calendar = CALENDARS.get(platform)
    return bool(version) and version != refused and not (calendar and calendar.is_gone(version, now))


def _is_on_trial(
    destination: Destination, source: DestinationConfig | Destination, refused: str, now: datetime
) -> bool:
    if refused and refused == source.api_version:
        return False
    is_usable = _is_usable(destination.platform, source.canary_version, refused, now)
    return is_usable and random() * 100 < source.canary_percent  # noqa: S311 - a share, no secret
