"""How often somebody may do something, counted in Redis for all processes together.

A limit is a bucket: it holds `burst` requests and refills by `rate` a second. Redis keeps one number a bucket, the
microsecond at which it would be full again, and forgets it then. All buckets of a request are asked in one round trip
on Redis's own clock, and one that is refused takes nothing from any of them.

Without Redis nothing is refused: a limit protects the hub and must not stop it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from apps.core.log import get_logger
from apps.core.redis import RedisError, get_redis
from apps.core.remember import Remembered

if TYPE_CHECKING:
    from redis.commands.core import Script

# KEYS: buckets. ARGV: for each, the microseconds that one request takes to refill and those that a whole burst takes.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local full_at, wait = {}, 0
for place, key in ipairs(KEYS) do
    local one, burst = tonumber(ARGV[2 * place - 1]), tonumber(ARGV[2 * place])
    full_at[place] = math.max(now, tonumber(redis.call('GET', key) or 0)) + one
    wait = math.max(wait, full_at[place] - burst - now)
end
if wait > 0 then
    return wait
end
for place, key in ipairs(KEYS) do
    local whole = string.format('%.0f', full_at[place])
    redis.call('SET', key, whole, 'PX', math.ceil((full_at[place] - now) / 1000))
end
return 0
"""
_MICROSECONDS = 1_000_000
_SPARED_S = 5.0
# A Redis that is gone or frozen costs one caller its timeout, then nobody for a while.
_gone: Remembered[str, bool] = Remembered(seconds=_SPARED_S)
log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limit:
    """`rate` requests a second for ever, and `burst` at once after a rest; `name` keeps buckets of limits apart."""

    name: str
    rate: float
    burst: int

    def key(self, who: str) -> str:
        return f"hubtrack:rate:{self.name}:{who}"

    @property
    def costs(self) -> tuple[int, int]:
        """What the script wants to know, in microseconds: the refill of one request, and of the whole burst."""
        one = round(_MICROSECONDS / self.rate)
        return one, one * self.burst


def take(asked: Sequence[tuple[Limit, str]]) -> int:
    """Take one request from each (limit, who). 0 if all have one left, else after how many whole seconds they would."""
    if not asked or _gone.recall("redis"):
        return 0
    keys = [limit.key(who) for limit, who in asked]
    costs = [cost for limit, _who in asked for cost in limit.costs]
    try:
        wait = cast(int, _script()(keys=keys, args=costs, client=get_redis()))
    except RedisError as error:
        _gone.keep("redis", answer=True)
        log.warning("rate_limit.not_asked", error_type=type(error).__name__)
        return 0
    return math.ceil(wait / _MICROSECONDS)


def forget_outage() -> None:
    """Ask Redis again at once."""
    _gone.forget()


@lru_cache(maxsize=1)
def _script() -> "Script":
    return get_redis().register_script(_TAKE)
