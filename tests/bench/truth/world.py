"""A seed -> a world whose truth is known. Pure: the same seed and parameters give the same world, byte for byte.

The truth of a sale is its buyer's own last ad click before the order was placed, if that is at most the window old.
What led the buyer back afterwards does not count, nor what anybody clicks between ordering and paying.

Each home, buyer, arrival and order draws numbers of its own from the seed, so that changing one parameter leaves alone
what does not depend on it: two worlds of one seed can be compared.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from apps.core.identity import hash_email, hash_phone
from tests.bench.truth.facts import Click, Origin, Sale, Trace, Visit, World
from tests.bench.truth.params import Params
from tests.bench.truth.people import make_people
from tests.bench.truth.plans import plan
from tests.bench.truth.walk import Checkout, Walked, retyped, walk

_CLOCK_ERROR = timedelta(hours=-3)
_FORWARDED_WITHIN = 200


def make_world(seed: int, params: Params | None = None) -> World:
    params = params or Params()
    homes = make_people(seed, params)
    walked = walk(seed, params, plan(seed, params, homes))
    sales = _Till(seed, params, walked).sell()
    return World(
        seed,
        params,
        tuple(sorted(walked.visits.values(), key=lambda visit: (visit.started_at, visit.visit_id))),
        tuple(sorted(walked.clicks, key=lambda click: (click.clicked_at, click.click_id))),
        tuple(sales),
    )


@dataclass(frozen=True, slots=True)
class _Paid:
    """What a checkout gave the gateway, and the gateway the hub."""

    email: str
    phone: str
    buyer_ip: str
    carried: str
    fbclid: str


@dataclass(slots=True)
class _Till:
    seed: int
    params: Params
    walked: Walked
    # Visits by each value that they can share with another, or with a sale.
    kin: dict[str, list[Visit]] = field(default_factory=lambda: defaultdict(list))
    # The visit of each id of ours that can be carried, a click's or a visit's.
    visit_of: dict[str, Visit] = field(default_factory=dict)

    def sell(self) -> list[Sale]:
        visits = self.walked.visits
        self.visit_of = visits | {click.click_id: visits[click.visit_id] for click in self.walked.clicks}
        for visit in visits.values():
            for value in _own_values(visit):
                self.kin[value].append(visit)
        sales = [self._sale(number, item) for number, item in enumerate(self.walked.checkouts)]
        return sorted(sales, key=lambda sale: (sale.paid_at, sale.order_id))

    def _sale(self, number: int, checkout: Checkout) -> Sale:
        order = checkout.order
        random = Random(f"{self.seed} order {order.person.number} {order.placed_at}")
        paid = self._pay(random, checkout)
        origin, click = self._truth(order.person.number, order.placed_at)
        is_off, is_untold = random.random() < self.params.clock_off, random.random() < self.params.pending_untold
        return Sale(
            order_id=f"HP{number:08d}",
            person=order.person.number,
            placed_at=order.placed_at,
            paid_at=order.paid_at,
            clock_error=_CLOCK_ERROR if is_off else timedelta(0),
            is_pending_told=order.is_late and not is_untold,
            email=paid.email,
            phone=paid.phone,
            buyer_ip=paid.buyer_ip,
            carried=paid.carried,
            fbclid=paid.fbclid,
            origin=origin,
            brought_by=click.click_id if click else "",
            traces=self._traces(paid, click, order.paid_at) if click else (),
        )

    def _pay(self, random: Random, checkout: Checkout) -> _Paid:
        params = self.params
        contact, visit, click = checkout.order.contact, checkout.visit, checkout.click
        email = contact.emails[random.random() < params.other_email]
        if random.random() < params.typo:
            email = _mistype(random, email)
        phone = contact.phones[random.random() < params.other_phone]
        has_phone, tells, hands_on, lost, by_affiliate, by_session, forwarded = (random.random() for _ in range(7))
        carried = click.click_id if click and by_session >= params.session_only else visit.visit_id if visit else ""
        if lost < params.lost_parameters:
            carried = ""
        if by_affiliate < params.affiliate_link:
            carried = f"afiliado-{random.randrange(1000, 9999)}"
        elif forwarded < params.forwarded_link:
            carried = self._friends_click(random, checkout.order.placed_at)
        return _Paid(
            email=retyped(random, email),
            phone=_as_typed(random, phone) if has_phone < params.phone_at_order else "",
            buyer_ip=checkout.ip if tells < params.address_told else "",
            carried=carried,
            fbclid=click.fbclid if click and hands_on < params.fbclid_carried else "",
        )

    def _friends_click(self, random: Random, before: datetime) -> str:
        known = [click for click in self.walked.clicks if click.clicked_at < before and not click.is_automated]
        return random.choice(known[-_FORWARDED_WITHIN:]).click_id

    def _truth(self, person: int, placed_at: datetime) -> tuple[Origin, Click | None]:
        before = [item for item in self.walked.ad_clicks.get(person, []) if item[0] <= placed_at]
        if not before:
            return Origin.ORGANIC, None
        clicked_at, click = before[-1]
        if placed_at - clicked_at > timedelta(days=self.params.window_days):
            return Origin.OUTSIDE_WINDOW, None
        return (Origin.CLICK, click) if click else (Origin.UNRECORDED, None)

    def _traces(self, paid: _Paid, click: Click, paid_at: datetime) -> tuple[Trace, ...]:
        visit = self.walked.visits[click.visit_id]
        own, carried = _own_values(visit), self.visit_of.get(paid.carried)
        linked = [carried, *(other for value in _hashes(paid.email, paid.phone) for other in self.kin.get(value, []))]
        found = {
            Trace.CLICK_ID: paid.carried == click.click_id,
            Trace.SESSION_ID: carried is visit and paid.carried != click.click_id,
            Trace.EMAIL: hash_email(paid.email) == hash_email(visit.email),
            Trace.PHONE: bool(paid.phone) and hash_phone(paid.phone) == hash_phone(visit.phone),
            Trace.FBC: paid.fbclid == click.fbclid,
            Trace.VISIT: any(
                other is not visit and other.started_at <= paid_at and own & _own_values(other)
                for other in linked
                if other
            ),
            Trace.ADDRESS: bool(paid.buyer_ip) and paid.buyer_ip == visit.ip,
        }
        return tuple(trace for trace, is_left in found.items() if is_left)


def _hashes(email: str, phone: str) -> list[str]:
    return [digest for digest in (hash_email(email), hash_phone(phone)) if digest]


def _own_values(visit: Visit) -> frozenset[str]:
    """By which two visits are known to be of one browser or person."""
    return frozenset(value for value in (visit.fbp, *_hashes(visit.email, visit.phone)) if value)


def _mistype(random: Random, email: str) -> str:
    place = random.randrange(1, email.index("@"))
    return email[:place] + email[place + 1 :]


def _as_typed(random: Random, phone: str) -> str:
    return random.choice((phone, f"({phone[:2]}) {phone[2:7]}-{phone[7:]}", f"+55 {phone}"))
