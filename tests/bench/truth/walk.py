"""Arrivals, in order of time, become visits and clicks as the hub records them, and checkouts.

A browser that keeps cookies brings along who its visitor said to be and which click it came by, also when somebody else
at home sits at it now. What a blocked device does is the truth but is not recorded.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

from tests.bench.truth.facts import Click, Visit
from tests.bench.truth.params import Params
from tests.bench.truth.people import Device, Person, carrier_address, home_address
from tests.bench.truth.plans import Arrival, Order

IDLE = timedelta(minutes=30)
_ALPHABET = "0123456789abcdefghijklmnopqrstuv"
_ID_LENGTH, _META_ID_LENGTH = 24, 60


def make_id(random: Random, prefix: str, length: int = _ID_LENGTH) -> str:
    """In the shape of the product's ids, but from the seed."""
    return prefix + "".join(random.choices(_ALPHABET, k=length))


@dataclass(frozen=True, slots=True)
class Checkout:
    """An order at its moment: `visit` is None on a blocked device, `click` the one that the page remembers, if any."""

    order: Order
    visit: Visit | None
    ip: str
    click: Click | None


@dataclass(slots=True)
class Walked:
    """What was recorded, what truly happened (`ad_clicks` by person, None where unrecorded), and the checkouts."""

    visits: dict[str, Visit] = field(default_factory=dict)
    clicks: list[Click] = field(default_factory=list)
    ad_clicks: dict[int, list[tuple[datetime, Click | None]]] = field(default_factory=lambda: defaultdict(list))
    checkouts: list[Checkout] = field(default_factory=list)


def walk(seed: int, params: Params, arrivals: Iterable[Arrival]) -> Walked:
    walker = _Walker(params)
    for arrival in arrivals:
        walker.random = Random(f"{seed} arrival {arrival.person.number} {arrival.at}")
        walker.arrive(arrival)
    return walker.walked


@dataclass(slots=True)
class _Walker:
    """`random` is the arrival's own."""

    params: Params
    walked: Walked = field(default_factory=Walked)
    random: Random = field(default_factory=Random)
    # By device: its last visit, and the click that its page remembers.
    last_visits: dict[int, str] = field(default_factory=dict)
    last_clicks: dict[int, Click] = field(default_factory=dict)

    def arrive(self, arrival: Arrival) -> None:
        device, walked = arrival.device, self.walked
        ip = self._address(device)
        if device.is_blocked:
            if arrival.is_ad:
                walked.ad_clicks[arrival.person.number].append((arrival.at, None))
            if arrival.order:
                walked.checkouts.append(Checkout(arrival.order, None, ip, None))
            return
        visit = self._visit(arrival, ip)
        if arrival.is_ad:
            self._click(arrival, visit)
        if arrival.order:
            checkout_at = arrival.order.placed_at - timedelta(minutes=1)
            visit = replace(visit, checkout_at=checkout_at, last_seen_at=checkout_at)
            walked.checkouts.append(Checkout(arrival.order, visit, ip, self.last_clicks.get(device.number)))
        walked.visits[visit.visit_id] = visit

    def _address(self, device: Device) -> str:
        shared = carrier_address(self.random.randrange(self.params.carrier_addresses))
        is_on_carrier = self.random.random() < self.params.on_carrier
        return shared if device.is_phone and is_on_carrier else home_address(device.home)

    def _visit(self, arrival: Arrival, ip: str) -> Visit:
        """The browser's own visit when it was active just now, else a new one that takes over what it remembers."""
        device, at = arrival.device, arrival.at
        known = self.walked.visits.get(self.last_visits.get(device.number, ""))
        if known and at - known.last_seen_at < IDLE:
            return self._identify(replace(known, last_seen_at=max(at, known.last_seen_at), ip=ip), arrival.person)
        if device.is_forgetful:
            known = None
            self.last_clicks.pop(device.number, None)
        visit = Visit(
            visit_id=make_id(self.random, "hts"),
            person=arrival.person.number,
            started_at=at,
            last_seen_at=at,
            ip=ip,
            user_agent=device.user_agent,
            fbp=known.fbp if known else f"fb.1.{int(at.timestamp() * 1000)}.{self.random.randrange(10**9)}",
            email=known.email if known else "",
            phone=known.phone if known else "",
        )
        self.last_visits[device.number] = visit.visit_id
        return self._identify(visit, arrival.person)

    def _identify(self, visit: Visit, person: Person) -> Visit:
        random, params = self.random, self.params
        if random.random() >= params.keeps_email:
            return visit
        phone = person.phones[0] if random.random() < params.keeps_phone else visit.phone
        return replace(visit, email=retyped(random, person.emails[0]), phone=phone)

    def _click(self, arrival: Arrival, visit: Visit) -> None:
        random, device = self.random, arrival.device
        fbclid = "IwAR" + make_id(random, "", _META_ID_LENGTH)
        click = Click(make_id(random, "htc"), visit.visit_id, arrival.person.number, arrival.at, fbclid)
        if random.random() < self.params.previewed:
            self._preview(click)
        self.walked.clicks.append(click)
        self.walked.ad_clicks[arrival.person.number].append((arrival.at, click))
        self.last_clicks[device.number] = click

    def _preview(self, click: Click) -> None:
        """A machine opens the same address a moment before, in a visit of its own."""
        at = click.clicked_at - timedelta(seconds=1)
        visit_id = make_id(self.random, "hts")
        agent = "facebookexternalhit/1.1"
        self.walked.visits[visit_id] = Visit(visit_id, click.person, at, at, "31.13.24.1", agent, fbp="")
        copy = replace(click, click_id=make_id(self.random, "htc"), visit_id=visit_id, clicked_at=at, is_automated=True)
        self.walked.clicks.append(copy)


def retyped(random: Random, email: str) -> str:
    """As people type: sometimes with a capital, sometimes with a space behind."""
    return random.choice((email, email, email.capitalize(), email + " "))
