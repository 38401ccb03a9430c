"""Run a funnel's draft over the sales of the past, beside what runs.

Both sides are decided from the facts as they are now, not from stored matches: the same configuration twice changes
nothing, whatever people have reviewed meanwhile.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.conversions.models import Conversion
from apps.core.errors import BadInput, NotPossible
from apps.funnels.models import Funnel
from apps.funnels.selectors import FunnelConfig, draft_config, published_configs
from apps.matching.candidates import find_facts
from apps.matching.comparing import Change, Compared, Outcome, add_up, find_change, outcome_of
from apps.matching.facts import Facts, Policy
from apps.matching.models import Comparison, Difference
from apps.matching.policies import find_weights, policy_of
from apps.matching.rules import decide
from apps.matching.scoring import WeightSet
from apps.matching.signals import Signal
from apps.tenants.scoping import tenant_scope

MAX_DAYS = 90
# Whatever number of accounts compare, one worker at most is kept from its other work.
_ONE_AT_A_TIME = "SELECT pg_try_advisory_xact_lock(hashtextextended('comparisons', 0))"


@dataclass(frozen=True, slots=True)
class ComparedSale:
    """A sale with what each configuration makes of it."""

    row: Conversion
    before: Outcome
    after: Outcome

    @property
    def change(self) -> Change | None:
        return find_change(self.before, self.after)

    def counted(self) -> Compared:
        return Compared(self.row.currency, self.row.amount, self.change)


def start_comparison(funnel: Funnel, days: int, actor: str = "") -> Comparison:
    """Freeze the draft and what runs; workers then compare the last `days`, chunk by chunk (continue_comparison).

    Raises NotPossible when nothing runs, or when a comparison of this funnel is under way.
    """
    if not 1 <= days <= MAX_DAYS:
        raise BadInput(_("Choose another period."), fields={"days": _("Use a whole number from 1 to 90.")})
    with transaction.atomic(), tenant_scope(funnel.tenant_id):
        # Sales are recorded meanwhile: their reference to the funnel waits for no lock of this kind.
        draft = draft_config(Funnel.objects.select_for_update(no_key=True).get(pk=funnel.pk))
        running = published_configs([funnel.pk]).get(funnel.pk)
        if running is None:
            raise NotPossible(_("Nothing runs yet that the draft could be compared with. Publish the funnel first."))
        _refuse_a_second(funnel)
        now = timezone.now()
        begins_at = now - timedelta(days=days)
        comparison: Comparison = Comparison.objects.create(
            funnel=funnel,
            draft=draft.to_json(),
            running=running.to_json(),
            days=days,
            begins_at=begins_at,
            ends_at=now,
            total=select_sales(funnel.tenant_id, funnel.pk, begins_at, now).count(),
            actor=actor[:200],
        )
    return comparison


def _refuse_a_second(funnel: Funnel) -> None:
    under_way = Comparison.objects.filter(funnel=funnel, state=Comparison.State.RUNNING).first()
    if under_way:
        sentence = _("Comparison %(id)s of this funnel is under way. Wait until it is done.")
        raise NotPossible(sentence % {"id": under_way.pk})


def select_sales(tenant_id: uuid.UUID, funnel_id: uuid.UUID, since: datetime, until: datetime) -> QuerySet[Conversion]:
    """What was ever approved, also if the money went back later: its purchase was told. No tests of the gateway."""
    rows: QuerySet[Conversion] = Conversion.objects.filter(
        tenant=tenant_id,
        funnel=funnel_id,
        occurred_at__gte=since,
        occurred_at__lte=until,
        approved_at__isnull=False,
        is_test=False,
    )
    return rows


def claim_comparison() -> Comparison | None:
    """The one that got on least so far, locked until the caller's transaction ends; None also while another worker
    is at one."""
    with connection.cursor() as cursor:
        cursor.execute(_ONE_AT_A_TIME)
        (is_ours,) = cursor.fetchone()
    running = Comparison.objects.filter(state=Comparison.State.RUNNING).order_by("done", "created_at")
    claimed: Comparison | None = running.select_for_update(skip_locked=True).first() if is_ours else None
    return claimed


@transaction.atomic
def continue_comparison(comparison: Comparison, limit: int) -> int:
    """Compare the next sales by primary key, in a constant number of statements; how many there were.

    What crashes begins again after the last chunk that was committed.
    """
    period = (comparison.begins_at, comparison.ends_at)
    sales = select_sales(comparison.tenant_id, comparison.funnel_id, *period).filter(pk__gt=comparison.cursor)
    rows = list(sales.order_by("pk")[:limit])
    running, draft = (FunnelConfig.from_json(config) for config in (comparison.running, comparison.draft))
    compared = compare_sales(rows, running, draft)
    Difference.objects.bulk_create(_differences(comparison, compared))
    comparison.summary = add_up(comparison.summary, (item.counted() for item in compared))
    comparison.done += len(rows)
    comparison.cursor = rows[-1].pk if rows else comparison.cursor
    if len(rows) < limit:
        _finish(comparison)
    comparison.save(update_fields=["summary", "done", "cursor", "state", "total", "finished_at"])
    return len(rows)


def _finish(comparison: Comparison) -> None:
    """Sales that were recorded or approved meanwhile may have been compared too: the total is brought up to date."""
    comparison.state, comparison.total = Comparison.State.DONE, comparison.done
    comparison.finished_at = timezone.now()


def fail_comparison(comparison: Comparison) -> None:
    """It cannot go on. What it found so far stays."""
    finished = {"state": Comparison.State.FAILED, "finished_at": timezone.now()}
    Comparison.objects.filter(pk=comparison.pk).update(**finished)


def _differences(comparison: Comparison, compared: Iterable[ComparedSale]) -> list[Difference]:
    return [
        Difference(
            tenant_id=comparison.tenant_id,
            comparison=comparison,
            conversion=item.row,
            kind=change.value,
            amount=item.row.amount,
            currency=item.row.currency,
            before=item.before.to_json(),
            after=item.after.to_json(),
        )
        for item in compared
        if (change := item.change)
    ]


@dataclass(frozen=True, slots=True)
class _Side:
    policy: Policy
    weights: WeightSet

    def decide(self, facts: Facts) -> Outcome:
        return outcome_of(decide(facts, self.policy, self.weights))


def compare_sales(rows: Sequence[Conversion], running: FunnelConfig, draft: FunnelConfig) -> list[ComparedSale]:
    """Each of these sales of one funnel, decided by both."""
    if not rows:
        return []
    tenant = rows[0].tenant_id
    weights = find_weights((tenant, config.weight_set) for config in (running, draft))
    before, after = (_Side(policy_of(config), weights[tenant, config.weight_set]) for config in (running, draft))
    known = _find_facts(rows, {before.policy.window_days, after.policy.window_days})
    return [
        ComparedSale(
            row=row,
            before=before.decide(known[before.policy.window_days][row.pk]),
            after=after.decide(known[after.policy.window_days][row.pk]),
        )
        for row in rows
    ]


def _find_facts(rows: Sequence[Conversion], windows: set[int]) -> dict[int, dict[int, Facts]]:
    """By window, what each sale is decided from. All is gathered once, for the widest window: the rules leave out what
    is too old for another. Only how many browsers share an address depends on the window itself, so that the few sales
    with a click at theirs are looked up again."""
    widest = max(windows)
    gathered = find_facts(rows, {row.pk: widest for row in rows})
    known = {widest: gathered}
    for window in windows - {widest}:
        nearby = [row for row in rows if _shares_address(gathered[row.pk])]
        known[window] = gathered | (find_facts(nearby, {row.pk: window for row in nearby}) if nearby else {})
    return known


def _shares_address(facts: Facts) -> bool:
    return any(Signal.ADDRESS in item.signals for item in facts.candidates)
