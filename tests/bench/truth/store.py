"""A world told to PostgreSQL day by day, and matched as it is told: the real path from stored facts to stored matches.

Sessions and clicks get the columns that their statements write; orders go through the statement of every webhook's.
Days matter: a match once found is kept, so an order told while its Pix waits is matched before the clicks that follow.
Within a day all sessions and clicks come first. One transaction a world, taken back at its end, leaves nothing behind.
Two runs on one database would wait for each other.
"""

import secrets
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from django.db import connection, transaction

from apps.clicks.models import Click as ClickRow
from apps.clicks.models import PageEvent, Session, Source
from apps.conversions.facts import OrderFact
from apps.conversions.services import NewDelivery, claim_for_matching, record_deliveries, settle_matching
from apps.core.identity import Person, hash_person
from apps.funnels.selectors import FunnelConfig, published_configs
from apps.gateways.events import Kind
from apps.matching.models import Match
from apps.matching.rules import Decision
from apps.matching.services import match_conversions
from apps.pipeline.stages import MATCH_BATCH
from apps.tenants.scoping import tenant_scope
from apps.tenants.services import create_tenant
from tests.bench.truth.baselines import verdict
from tests.bench.truth.facts import Click, Sale, Visit, World
from tests.bench.truth.measure import Verdict
from tests.worlds import LANDING
from tests.worlds import World as Account
from tests.worlds import make_world as make_account

_GATEWAY = "hotmart"
# Autovacuum cannot see rows that are not committed: without statistics of them a look-up may read whole tables.
_ANALYSED_EVERY = 8


@dataclass(frozen=True, slots=True)
class Telling:
    """One webhook: the order while it waits for its money, or paid."""

    sale: Sale
    kind: Kind


@dataclass(slots=True)
class _Days:
    visits: dict[date, list[Visit]] = field(default_factory=lambda: defaultdict(list))
    clicks: dict[date, list[Click]] = field(default_factory=lambda: defaultdict(list))
    tellings: dict[date, list[Telling]] = field(default_factory=lambda: defaultdict(list))


def match_stored(world: World) -> list[Verdict]:
    """What the product makes of `world`, sale by sale."""
    with transaction.atomic():
        owner = create_tenant(name=f"Truth {world.seed}", email=f"truth-{secrets.token_hex(6)}@example.com")
        account = make_account(owner)
        with tenant_scope(account.tenant_id):
            tell_world(world, account)
            verdicts = _read_verdicts(world)
        transaction.set_rollback(True)
    return verdicts


def tell_world(world: World, account: Account) -> None:
    """In the scope of the account's tenant."""
    published = published_configs([account.funnel.pk])
    configs = {
        pk: replace(config, attribution_window_days=world.params.window_days) for pk, config in published.items()
    }
    teller, days = _Teller(account, account.funnel.endpoints.get(gateway=_GATEWAY).pk), _days_of(world)
    for number, day in enumerate(sorted({*days.visits, *days.clicks, *days.tellings})):
        teller.tell_visits(days.visits[day])
        teller.tell_clicks(days.clicks[day])
        if number % _ANALYSED_EVERY == 0:
            _analyse()
        # Two rounds: what waits is matched before it is paid, as it would be by a worker.
        for kind in (Kind.PAYMENT_PENDING, Kind.APPROVED):
            teller.tell_orders([telling.sale for telling in days.tellings[day] if telling.kind is kind], kind)
            _match_due(configs)


def _days_of(world: World) -> _Days:
    days = _Days()
    for visit in world.visits:
        days.visits[visit.started_at.date()].append(visit)
    for click in world.clicks:
        days.clicks[click.clicked_at.date()].append(click)
    for sale in world.sales:
        if sale.is_pending_told:
            days.tellings[sale.placed_at.date()].append(Telling(sale, Kind.PAYMENT_PENDING))
        days.tellings[sale.paid_at.date()].append(Telling(sale, Kind.APPROVED))
    return days


@dataclass(slots=True)
class _Teller:
    account: Account
    endpoint_id: uuid.UUID
    sessions: dict[str, tuple[Session, Visit]] = field(default_factory=dict)

    def tell_visits(self, visits: Iterable[Visit]) -> None:
        rows = [(self._session(visit), visit) for visit in visits]
        Session.objects.bulk_create([row for row, _ in rows])
        self.sessions |= {visit.visit_id: (row, visit) for row, visit in rows}
        PageEvent.objects.bulk_create(
            PageEvent(
                tenant_id=self.account.tenant_id,
                session=row,
                name="initiate_checkout",
                url=LANDING,
                occurred_at=visit.checkout_at,
            )
            for row, visit in rows
            if visit.checkout_at
        )

    def _session(self, visit: Visit) -> Session:
        identity = hash_person(Person(email=visit.email, phone=visit.phone))
        return Session(
            tenant_id=self.account.tenant_id,
            public_id=visit.visit_id,
            funnel=self.account.funnel,
            first_seen_at=visit.started_at,
            last_seen_at=visit.last_seen_at,
            email_sha256=next(iter(identity.get("em", [])), ""),
            phone_sha256=next(iter(identity.get("ph", [])), ""),
            identity=identity,
            ip=visit.ip,
            user_agent=visit.user_agent,
            fbp=visit.fbp,
        )

    def tell_clicks(self, clicks: Iterable[Click]) -> None:
        ClickRow.objects.bulk_create([self._click(click) for click in clicks])

    def _click(self, click: Click) -> ClickRow:
        session, visit = self.sessions[click.visit_id]
        return ClickRow(
            tenant_id=self.account.tenant_id,
            public_id=click.click_id,
            funnel=self.account.funnel,
            session=session,
            clicked_at=click.clicked_at,
            landing_url=f"{LANDING}?fbclid={click.fbclid}",
            fbclid=click.fbclid,
            fbc=click.fbc,
            fbp=visit.fbp,
            ip=visit.ip,
            user_agent=visit.user_agent,
            source=Source.SCRIPT,
            is_automated=click.is_automated,
        )

    def tell_orders(self, sales: Sequence[Sale], kind: Kind) -> None:
        if sales:
            record_deliveries([self._delivery(sale, kind) for sale in sales])

    def _delivery(self, sale: Sale, kind: Kind) -> NewDelivery:
        carried = {"sck": sale.carried, "fbclid": sale.fbclid}
        is_paid = kind is Kind.APPROVED
        fact = OrderFact(
            kind=kind,
            occurred_at=sale.sold_at if is_paid else sale.pending_at,
            amount=Decimal("197.000"),
            currency="BRL",
            identity=hash_person(Person(email=sale.email, phone=sale.phone)),
            buyer_ip=sale.buyer_ip,
            tracking={name: value for name, value in carried.items() if value},
        )
        return NewDelivery(
            tenant_id=self.account.tenant_id,
            funnel_id=self.account.funnel.pk,
            endpoint_id=self.endpoint_id,
            gateway=_GATEWAY,
            received_at=sale.paid_at if is_paid else sale.placed_at,
            correlation_id="",
            kind=kind,
            vendor_event=kind.value,
            order_id=sale.order_id,
            fingerprint=f"{sale.order_id}-{kind}",
            fact=fact,
        )


def _match_due(configs: Mapping[uuid.UUID, FunnelConfig]) -> None:
    """In batches, as the pipeline's lane does, less the events that it then plans."""
    while claimed := claim_for_matching(MATCH_BATCH):
        match_conversions(claimed, configs)
        settle_matching(claimed)


def _analyse() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE clicks_session, clicks_click, conversions_conversion, conversions_delivery")


def _read_verdicts(world: World) -> list[Verdict]:
    columns = ("conversion__order_id", "click__public_id", "rule", "confidence", "decision")
    matches = {row[0]: row[1:] for row in Match.objects.values_list(*columns)}
    clicks = {click.click_id: click for click in world.clicks}
    verdicts = []
    for sale in world.sales:
        chosen, rule, confidence, decision = matches[sale.order_id]
        is_auto = decision == Decision.AUTO
        verdicts.append(verdict(sale, clicks.get(chosen), rule=rule, confidence=confidence, is_auto=is_auto))
    return verdicts
