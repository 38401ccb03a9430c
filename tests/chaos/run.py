"""One run: a stack, its customers, load and faults together, calm, and the judgement."""

import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import psycopg

from tests.chaos.faults import Chaos, plan_kills, plan_weather, playing
from tests.chaos.load import Load, Told
from tests.chaos.proxy import FaultyProxy, faulty_proxy
from tests.chaos.records import check_ledger, count_waiting, keep_the_record, read_books, read_receiver, read_record
from tests.chaos.sales import Story, make_orders
from tests.chaos.site import Site, add_customers, running_site, second_relay_and_beat
from tests.chaos.verify import Judgement, Sale, judge
from tests.gateway_receiver import SECRET, GatewayReceiver, gateway_receiver


@dataclass(frozen=True, slots=True)
class Plan:
    """How much for how long; `only` names the faults that are done, all if it is empty."""

    sales: int
    minutes: float
    seed: int = 1
    only: str = ""
    tenants: int = 3
    funnels_each: int = 8
    patience_s: float = 1800.0

    @property
    def seconds(self) -> float:
        return self.minutes * 60


@dataclass
class Result:
    """What came of a run."""

    told: Told
    judgement: Judgement
    done: Counter[str]
    missed: Counter[str]
    played: dict[str, int]
    requests: int
    ledger: list[str] = field(default_factory=list)
    drained_s: float = 0.0
    deaths: Counter[str] = field(default_factory=Counter)

    @property
    def is_good(self) -> bool:
        return not self.judgement.problems and not self.ledger


def run(plan: Plan, data: Path) -> Result:
    """Raises RuntimeError when the stack does not start, or does not come to rest in time."""
    with ExitStack() as stack:
        directory = data / "output"
        directory.mkdir()
        sandbox = list[int]()
        proxy = stack.enter_context(faulty_proxy(plan.seed, lambda: sandbox[0]))
        receiver = stack.enter_context(gateway_receiver())
        site = stack.enter_context(running_site(data, directory, platform_url=proxy.url))
        sandbox.append(int(site.sandbox_url.rpartition(":")[2]))
        add_customers(
            site,
            tenants=plan.tenants,
            funnels_each=plan.funnels_each,
            receiver_url=receiver.url,
            receiver_secret=SECRET,
        )
        return _run(plan, site, proxy, receiver)


def _run(plan: Plan, site: Site, proxy: FaultyProxy, receiver: GatewayReceiver) -> Result:
    keep_the_record(site)
    rng = Random(f"chaos {plan.seed}")
    poisonable = frozenset(range(len(site.funnels))) - {it.funnel for it in site.places if it.platform != "meta"}
    orders = list(make_orders(plan.sales, seed=plan.seed, funnels=len(site.funnels), poisonable=poisonable))
    proxy.poison = {order.order_id for order in orders if order.story is Story.POISON}
    load = Load(site.port, site.doors, iter(orders), rate=plan.sales / plan.seconds, seed=plan.seed)
    chaos = Chaos(site, proxy, receiver, rng)
    events = plan_kills(rng, plan.seconds, only=plan.only)
    if not plan.only:
        proxy.windows = plan_weather(rng, plan.seconds, site.places, time.monotonic())
    _say(f"{plan.sales:,} orders in {plan.seconds:.0f} s, {len(events)} kills, {len(proxy.windows)} bad spells")
    with second_relay_and_beat(site):
        with playing(chaos, events, plan.seconds), _Progress(site, load, proxy):
            told = load.run()
        proxy.calm()
        receiver.faults.clear()
        drained = _await_rest(site, plan.patience_s)
    chaos.done |= Counter({"a second relay and beat": 1, "poison orders": len(proxy.poison)})
    return _judge(site, told, chaos, receiver, drained)


def _judge(site: Site, told: Told, chaos: Chaos, receiver: GatewayReceiver, drained: float) -> Result:
    sales = [Sale(order, told.is_refunded(order)) for order in told.sales()]
    pixels: dict[int, list[str]] = {}
    for place in site.places:
        pixels.setdefault(place.funnel, []).append(place.pixel)
    copies = [*read_record(site), *read_receiver(receiver)]
    judgement = judge(sales, pixels, copies, read_books(site))
    if told.refused:
        judgement.problems["refused by the hub"] = told.refused
    if untold := told.untold():
        judgement.problems["never acknowledged"] = untold
    owners = [(site.owners[sale.order.funnel], sale.order.currency, sale.order.cents) for sale in sales]
    return Result(
        told=told,
        judgement=judgement,
        done=chaos.done + Counter({"every webhook counted on both sides": told.messages}),
        missed=chaos.missed,
        played=dict(chaos.proxy.played),
        requests=chaos.proxy.requests,
        ledger=check_ledger(site, owners),
        drained_s=drained,
        deaths=_count_deaths(site),
    )


def _await_rest(site: Site, patience_s: float) -> float:
    """Seconds until nothing was waiting any more."""
    began = last_said = time.monotonic()
    while True:
        waiting = _look(site)
        if waiting is not None and not any(waiting):
            return time.monotonic() - began
        if time.monotonic() - began > patience_s:
            raise RuntimeError(
                f"After {patience_s:.0f} s of calm still waiting: {waiting} (sales to plan, sends, readings)"
            )
        if time.monotonic() - last_said > 15:
            last_said = time.monotonic()
            _say(f"calm: {waiting} waiting (sales to plan, sends, readings)")
        time.sleep(1)


def _look(site: Site) -> tuple[int, int, int] | None:
    try:
        return count_waiting(site)
    except psycopg.Error:
        return None


class _Progress:
    """Within, a line every fifteen seconds."""

    def __init__(self, site: Site, load: Load, proxy: FaultyProxy) -> None:
        self._facts = site, load, proxy
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tell)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _tell(self) -> None:
        site, load, proxy = self._facts
        began = time.monotonic()
        while not self._over.wait(15):
            waiting = _look(site)
            _say(
                f"{time.monotonic() - began:5.0f} s: {len(load.told.orders):,} orders begun, "
                f"{load.told.messages:,} webhooks acknowledged, {sum(load.told.resent.values()):,} resent, "
                f"{proxy.requests:,} requests to platforms, waiting {waiting}"
            )


def _count_deaths(site: Site) -> Counter[str]:
    """How often the supervisor started each program again."""
    lines = [line for line in site.stack.output().splitlines() if "it starts again in" in line]
    return Counter(line.split(" ended (")[0].split()[-1] for line in lines)


def _say(line: str) -> None:
    print(f"  {line}", flush=True)
