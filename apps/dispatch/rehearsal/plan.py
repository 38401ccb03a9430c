"""What is rehearsed: how many sales, which outage, and the hub and the platform that meet it. Pure; in seconds."""

from dataclasses import dataclass, field
from enum import StrEnum

from apps.dispatch.platform import Limits

HOUR = 3600.0


class Trouble(StrEnum):
    """What the platform does for the length of the outage."""

    DOWN = "500"  # answers 500 at once
    STALL = "stall"  # does not answer in time, and takes half of what it was sent nevertheless
    RESET = "reset"  # hangs up, and takes half of what it was sent nevertheless
    THROTTLE = "throttle"  # "too many", to everybody
    TOKEN = "token"  # noqa: S105 - all tokens are dead, and replaced when the outage ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    """How the hub wakes up and works: the figures of its relay, its tasks and its processes.

    A request costs the hub `request_s` and `event_s` for each event in it, one after the other, beside the time in
    which it waits for the platform: careful figures of two busy cores with PostgreSQL on the same machine.
    """

    threads: int = 16
    tenant_width: int = 12
    relay_s: float = 0.5
    wake_ups: int = 100
    doubtful_wake_ups: int = 4
    wake_up_expires_s: float = 3.0
    request_s: float = 0.012
    event_s: float = 0.0012


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """How the platform serves: seconds for an answer (half more or less of it by chance), requests a second at most."""

    latency_s: float = 0.2
    capacity: int = 500
    timeout_s: float = 1.5
    pause_s: int = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`per_minute` sales are made from `quiet_s` before the outage until a while after the hub has caught up."""

    outage_s: float
    per_minute: float
    trouble: Trouble = Trouble.DOWN
    seed: int = 1
    destinations: int = 20
    tenants: int = 5
    quiet_s: float = 600.0
    after_s: float = 300.0
    limits: Limits = field(default_factory=lambda: Limits(max_batch=1000, batch=200))
    workers: Workers = field(default_factory=Workers)
    host: Host = field(default_factory=Host)

    @property
    def ends_at(self) -> float:
        """When the platform is well again."""
        return self.quiet_s + self.outage_s
