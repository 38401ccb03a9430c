"""What goes wrong and when: one seeded plan of kills, freezes and bad weather at the platform, and how each is done."""

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from random import Random

import psycopg
import redis

from tests.chaos.proxy import Fault, FaultyProxy, Window
from tests.chaos.site import Place, Site
from tests.gateway_receiver import Fault as ReceiverFault
from tests.gateway_receiver import GatewayReceiver

FREEZE_S = 5.0
LOCK_S = 4.0
# Kills are done, and the platform is well again, for the last part of the load.
_CALM_SHARE = 0.06


@dataclass(frozen=True, slots=True)
class Event:
    """One fault of the plan, `at` seconds after the load began."""

    at: float
    name: str


@dataclass
class Chaos:
    """What a fault may be done to, and what was done so far."""

    site: Site
    proxy: FaultyProxy
    receiver: GatewayReceiver
    rng: Random
    done: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    tokens: int = 0

    def do(self, event: Event) -> None:
        """Every fault is done to what runs at that moment; to what is dead already nothing can be done."""
        happened = _KILLS[event.name](self)
        (self.done if happened else self.missed)[event.name] += 1


def _signal(role: str, number: signal.Signals) -> Callable[[Chaos], bool]:
    return lambda chaos: chaos.site.signal(role, number) == 1


def _freeze_redis(chaos: Chaos) -> bool:
    """Stopped, not dead: connections stay open and nobody answers."""
    if not chaos.site.signal("redis", signal.SIGSTOP):
        return False
    try:
        time.sleep(FREEZE_S)
    finally:
        chaos.site.signal("redis", signal.SIGCONT)
    return True


def _flush_redis(chaos: Chaos) -> bool:
    with suppress(redis.RedisError):
        return bool(chaos.site.broker().flushall())
    return False


def _put_garbage(chaos: Chaos) -> bool:
    """Something that is no message, in the queue of the dispatchers."""
    with suppress(redis.RedisError):
        return bool(chaos.site.broker().lpush("hub:capi-dispatch", "garbage"))
    return False


def _fill_redis(chaos: Chaos) -> bool:
    """No room for another byte, for a while."""
    broker = chaos.site.broker()
    with suppress(redis.RedisError):
        broker.config_set("maxmemory", "1mb")
        time.sleep(FREEZE_S)
        broker.config_set("maxmemory", "0")
        return True
    return False


def _lock_inbox(chaos: Chaos) -> bool:
    """Nobody may write an order for a while, as during a careless migration."""
    with suppress(psycopg.Error), chaos.site.connect() as connection, connection.transaction():
        connection.execute("SET LOCAL lock_timeout = '3s'")
        connection.execute("LOCK TABLE conversions_conversion IN ACCESS EXCLUSIVE MODE")
        time.sleep(LOCK_S)
        return True
    return False


def _read_only(chaos: Chaos) -> bool:
    """What a full disk and a failover look like to the hub: no transaction may write."""
    with suppress(psycopg.Error), chaos.site.connect() as connection:
        name = connection.info.dbname
        connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'.encode())
        try:
            # What is connected already would not notice.
            connection.execute(_END_OTHERS)
            time.sleep(LOCK_S)
        finally:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only'.encode())
            connection.execute(_END_OTHERS)
        return True
    return False


_END_OTHERS = b"""
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


def _end_connections(chaos: Chaos) -> bool:
    """In whatever state they are: a COMMIT may be under way."""
    with suppress(psycopg.Error), chaos.site.connect() as connection:
        connection.execute(_END_OTHERS)
        return True
    return False


def _crowd_database(chaos: Chaos) -> bool:
    """As many connections as the server still has, held for a while."""
    held = []
    with suppress(psycopg.Error):
        while True:
            held.append(chaos.site.connect())
    time.sleep(FREEZE_S)
    for connection in held:
        connection.close()
    return bool(held)


_KILLS: Mapping[str, Callable[[Chaos], bool]] = {
    "dispatch killed": _signal("dispatch", signal.SIGKILL),
    "match killed": _signal("match", signal.SIGKILL),
    "web worker killed": _signal("web worker", signal.SIGKILL),
    "web killed": _signal("web", signal.SIGKILL),
    "relay killed": _signal("relay", signal.SIGKILL),
    "beat killed": _signal("beat", signal.SIGKILL),
    "dispatch ended calmly": _signal("dispatch", signal.SIGTERM),
    "sandbox killed": _signal("sandbox", signal.SIGKILL),
    "Redis killed": _signal("redis", signal.SIGKILL),
    "Redis flushed": _flush_redis,
    "Redis frozen": _freeze_redis,
    "Redis full": _fill_redis,
    "garbage in the queue": _put_garbage,
    "PostgreSQL stopped at once": _signal("postgres", signal.SIGQUIT),
    "PostgreSQL killed": _signal("postgres", signal.SIGKILL),
    "a backend killed": _signal("backend", signal.SIGKILL),
    "connections ended": _end_connections,
    "out of connections": _crowd_database,
    "orders locked": _lock_inbox,
    "database read-only": _read_only,
}
_OFTEN = ("dispatch killed", "dispatch killed", "match killed", "web worker killed", "Redis flushed", "Redis killed")
# In a run of less than two minutes: what takes long to heal only early.
_SHORT = (
    *("Redis flushed", "dispatch killed", "web worker killed", "match killed", "relay killed", "Redis killed"),
    *("garbage in the queue", "PostgreSQL stopped at once"),
)
NAMES = frozenset(_KILLS)
# Those that make a platform's breaker wait a minute are left to the long form.
_MILD = (Fault.LOST, Fault.RESET_AFTER, Fault.FEWER, Fault.GARBAGE, Fault.HTML, Fault.TRUNCATED, Fault.ERROR_503)
_RECEIVER = (
    ReceiverFault(500),
    ReceiverFault(0),
    ReceiverFault(0, keeps=True),
    ReceiverFault(200, b'{"rejected": [', keeps=True),
    ReceiverFault(503, b"busy", {"Retry-After": "2"}),
    ReceiverFault(502, b"<html>"),
)


def plan_kills(rng: Random, seconds: float, *, only: str = "") -> list[Event]:
    """Each kind once and the frequent ones again and again, a few seconds apart; a short form for a short load."""
    if seconds < 120:
        gap = seconds * 0.7 / len(_SHORT)
        names = [name for name in _SHORT if only in name]
        return [Event(1.5 + turn * gap, name) for turn, name in enumerate(names)]
    last = seconds * (1 - _CALM_SHARE) - FREEZE_S
    every = [name for name in _KILLS if only in name]
    names = [*every, *(rng.choice(every + [it for it in _OFTEN if only in it]) for _ in range(int(last / 9)))]
    rng.shuffle(names)
    gap = last / len(names)
    return [Event(gap * (turn + rng.random() * 0.6), name) for turn, name in enumerate(names)]


def plan_weather(rng: Random, seconds: float, places: list[Place], began: float) -> list[Window]:
    """What the platform does to requests, window after window, some at once; every kind is met in the long form."""
    if seconds < 120:
        pixels = frozenset(place.pixel for place in places[:2])
        step = seconds * 0.7 / len(_MILD)
        return [
            Window(fault, began + step * turn, began + step * (turn + 1.5), 0.4, pixels if turn % 2 else frozenset())
            for turn, fault in enumerate(_MILD)
        ]
    last = seconds * (1 - _CALM_SHARE)
    windows = [_draw_outage(rng, seconds, began)]
    kinds = [fault for fault in Fault if fault is not Fault.TOKEN]
    for turn, fault in enumerate(kinds * max(1, round(seconds / 200))):
        start = rng.uniform(0.02, 0.86) * seconds
        end = began + min(start + rng.uniform(6, 20), last)
        # Everywhere now and then, or at some pixels always or often: each has its breaker, and the platform another.
        chosen = frozenset(place.pixel for place in rng.sample(places, max(1, len(places) // 6)))
        pixels, share = (chosen, rng.choice((0.5, 1.0))) if turn % 3 else (frozenset[str](), 0.2)
        windows.append(Window(fault, began + start, end, share, pixels))
    return windows


def _draw_outage(rng: Random, seconds: float, began: float) -> Window:
    """Twenty seconds of nothing but errors, everywhere."""
    start = began + rng.uniform(0.2, 0.5) * seconds
    return Window(Fault.ERROR_500, start, start + 20, 1.0)


@contextmanager
def playing(chaos: Chaos, events: list[Event], seconds: float) -> Iterator[threading.Event]:
    """Do the plan in a thread of its own; leaving it ends what is left of the plan."""
    over = threading.Event()
    began = time.monotonic()
    threads = [
        threading.Thread(target=_play, args=(chaos, events, began, over)),
        threading.Thread(target=_upset_receiver, args=(chaos, seconds, began, over)),
        threading.Thread(target=_revoke_tokens, args=(chaos, seconds, began, over)),
    ]
    for thread in threads:
        thread.start()
    try:
        yield over
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _play(chaos: Chaos, events: list[Event], began: float, over: threading.Event) -> None:
    for event in sorted(events, key=lambda it: it.at):
        if over.wait(max(0.0, began + event.at - time.monotonic())):
            return
        chaos.do(event)


def _upset_receiver(chaos: Chaos, seconds: float, began: float, over: threading.Event) -> None:
    """A customer's server that fails now and then."""
    rng = Random(chaos.rng.random())
    while not over.wait(rng.uniform(3, 9)) and time.monotonic() - began < seconds * (1 - _CALM_SHARE):
        chaos.receiver.faults.append(rng.choice(_RECEIVER))


def _revoke_tokens(chaos: Chaos, seconds: float, began: float, over: threading.Event) -> None:
    """In the long form, a token dies every half minute or so, and somebody saves a new one."""
    rng = Random(chaos.rng.random())
    places = [place for place in chaos.site.places if place.platform == "meta"]
    while seconds >= 120 and not over.wait(rng.uniform(20, 45)):
        if time.monotonic() - began > seconds * (1 - _CALM_SHARE) - 20:
            return
        _revoke_token(chaos, rng.choice(places), rng.uniform(5, 15), over)


def _revoke_token(chaos: Chaos, place: Place, pause_s: float, over: threading.Event) -> None:
    funnel, key = chaos.site.funnels[place.funnel], chaos.site.owners[place.funnel]
    chaos.tokens += 1
    fresh = f"meta-{place.funnel}-{chaos.tokens}"
    chaos.proxy.revoke(place.pixel, fresh)
    over.wait(pause_s)
    body = {"destinations": [{"platform": place.platform, "pixel_id": place.pixel, "access_token": fresh}]}
    answer = chaos.site.call("PATCH", f"funnels/{funnel['id']}", key, body)
    if answer.status_code != 200:
        raise RuntimeError(f"The token of {place.pixel} was not saved: {answer.status_code} {answer.text}")
