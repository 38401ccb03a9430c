"""Who comes when and on which device, and which of these arrivals end in an order. Nothing is recorded yet."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from tests.bench.truth.params import Params
from tests.bench.truth.people import Device, Person

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
_MIN_LATE, _MAX_LATE = timedelta(hours=1), timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Order:
    """An order to be placed. `contact` is whose e-mail and phone it is given."""

    person: Person
    contact: Person
    placed_at: datetime
    paid_at: datetime

    @property
    def is_late(self) -> bool:
        return self.paid_at - self.placed_at >= _MIN_LATE


@dataclass(frozen=True, slots=True)
class Arrival:
    """Somebody opens the page, from an ad or by themselves; `order` is what they then place."""

    at: datetime
    person: Person
    device: Device
    is_ad: bool
    order: Order | None = None


def plan(seed: int, params: Params, homes: list[list[Person]]) -> list[Arrival]:
    """All arrivals in order of time; nobody arrives before BEGIN."""
    people = [person for home in homes for person in home]
    planned: list[Arrival] = []
    for buyer in Random(f"{seed} buyers").sample(people, params.sales):
        random = Random(f"{seed} buyer {buyer.number}")
        planned.extend(_Planner(random, params, homes[buyer.home]).plan_buyer(buyer))
    for number in range(int(params.sales * params.idle_clicks_per_sale)):
        random = Random(f"{seed} idle {number}")
        idler = random.choice(people)
        at = _some_time(random, params.days)
        planned.append(Arrival(at, idler, _usual_device(random, params, idler), is_ad=True))
    return sorted((item for item in planned if item.at >= BEGIN), key=lambda item: item.at)


def _some_time(random: Random, days: float) -> datetime:
    return BEGIN + timedelta(seconds=random.randrange(int(86400 * days)))


def _usual_device(random: Random, params: Params, person: Person) -> Device:
    return person.desk if random.random() < params.shared_device else person.phone


@dataclass(frozen=True, slots=True)
class _Planner:
    random: Random
    params: Params
    home: list[Person]

    def plan_buyer(self, buyer: Person) -> Iterator[Arrival]:
        random, params = self.random, self.params
        placed_at = BEGIN + timedelta(days=10) + (_some_time(random, params.days - 22) - BEGIN)
        order = self._order(buyer, placed_at)
        yield from self._come_to_order(order, is_organic=random.random() < params.organic)
        yield from self._click_while_waiting(order)
        if len(self.home) > 1 and random.random() < params.relative_clicks:
            relative = self._relative(buyer)
            at = placed_at - timedelta(days=random.uniform(-1, params.window_days))
            yield Arrival(at, relative, _usual_device(random, params, relative), is_ad=True)
        if random.random() < params.repeat:
            again = self._order(buyer, placed_at + timedelta(days=random.uniform(1, 8)))
            yield from self._come_to_order(again, is_organic=True)

    def _order(self, buyer: Person, placed_at: datetime) -> Order:
        random, params = self.random, self.params
        is_relatives = len(self.home) > 1 and random.random() < params.relative_contact
        at_once = timedelta(seconds=random.uniform(5, 600))
        later = min(_MIN_LATE + timedelta(hours=random.expovariate(1 / 10)), _MAX_LATE)
        pays_by_pix, pays_late = random.random() < params.pix, random.random() < params.late_pix
        wait = later if pays_by_pix and pays_late else at_once
        contact = self._relative(buyer) if is_relatives else buyer
        return Order(buyer, contact, placed_at, placed_at + wait)

    def _relative(self, person: Person) -> Person:
        return self.random.choice([other for other in self.home if other is not person])

    def _come_to_order(self, order: Order, *, is_organic: bool) -> Iterator[Arrival]:
        random, params, buyer = self.random, self.params, order.person
        came_at = order.placed_at - timedelta(minutes=random.uniform(2, 25))
        device = _usual_device(random, params, buyer)
        if is_organic:
            yield Arrival(came_at, buyer, device, is_ad=False, order=order)
            return
        clicked_at = came_at
        if random.random() < params.same_visit:
            yield Arrival(came_at, buyer, device, is_ad=True, order=order)
        else:
            clicked_at -= timedelta(hours=1, days=random.expovariate(1 / params.return_days))
            yield Arrival(clicked_at, buyer, device, is_ad=True)
            other = buyer.phone if device is buyer.desk else buyer.desk
            bought_on = other if random.random() < params.other_device else device
            yield Arrival(came_at, buyer, bought_on, is_ad=False, order=order)
        while random.random() < params.earlier_click:
            clicked_at -= timedelta(hours=1, days=random.expovariate(1 / 2))
            yield Arrival(clicked_at, buyer, device, is_ad=True)

    def _click_while_waiting(self, order: Order) -> Iterator[Arrival]:
        if order.is_late and self.random.random() < self.params.click_while_waiting:
            at = order.placed_at + (order.paid_at - order.placed_at) * self.random.uniform(0.1, 0.9)
            yield Arrival(at, order.person, _usual_device(self.random, self.params, order.person), is_ad=True)
