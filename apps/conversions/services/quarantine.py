"""The quarantine: keep what could not be read, and have it read again."""

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.conversions.models import Delivery, Outcome, Quarantine
from apps.conversions.services.record import NewDelivery, record_deliveries
from apps.core.errors import NotPossible
from apps.gateways.contract import Difference
from apps.gateways.events import Kind
from apps.tenants.scoping import tenant_scope


@dataclass(frozen=True, slots=True, repr=False)
class UnreadableDelivery:
    """An authentic delivery that could not be read, and where reading stopped.

    `unknown_word` is set when everything could be read but the gateway's word for what happened. In the state
    UNCONFIRMED nothing is wrong: the gateway's own API is to be asked first, at once.
    """

    tenant_id: uuid.UUID
    endpoint_id: uuid.UUID
    gateway: str
    correlation_id: str
    body: bytes
    content_type: str
    path: str
    expected: str
    found: str
    differences: Sequence[Difference] = ()
    unknown_word: str = ""
    state: Quarantine.State = Quarantine.State.WAITING


def quarantine_delivery(unreadable: UnreadableDelivery) -> Quarantine:
    """Keep what could not be read, encrypted; a repeat of the same bytes is kept too, as its own delivery."""
    with transaction.atomic(), tenant_scope(unreadable.tenant_id):
        delivery: Delivery = Delivery.objects.create(
            endpoint_id=unreadable.endpoint_id,
            gateway=unreadable.gateway,
            outcome=_outcome_of(unreadable),
            kind=Kind.UNKNOWN,
            vendor_event=unreadable.unknown_word,
            correlation_id=unreadable.correlation_id,
        )
        kept: Quarantine = Quarantine.objects.create(
            delivery=delivery,
            body=unreadable.body,
            content_type=unreadable.content_type[:200],
            path=unreadable.path[:300],
            expected=unreadable.expected[:200],
            found=unreadable.found[:200],
            differences=[asdict(difference) for difference in unreadable.differences],
            state=unreadable.state,
            due_at=Now() if unreadable.state is Quarantine.State.UNCONFIRMED else None,
        )
    return kept


def _outcome_of(unreadable: UnreadableDelivery) -> Outcome:
    if unreadable.state is Quarantine.State.UNCONFIRMED:
        return Outcome.UNCONFIRMED
    return Outcome.UNKNOWN if unreadable.unknown_word else Outcome.QUARANTINED


def request_replay(rows: QuerySet[Quarantine]) -> int:
    """Have the ingest lane read these again; how many will be."""
    return rows.filter(state=Quarantine.State.WAITING).update(due_at=Now())


def read_all_again(keys: Sequence[int]) -> int:
    """Have those of these read again that wait for it; how many will be."""
    return request_replay(Quarantine.objects.filter(pk__in=keys))


def read_again(kept: Quarantine) -> int:
    """Have this one read again; 1. Raises NotPossible when it does not wait for that."""
    if kept.state == Quarantine.State.UNCONFIRMED:
        raise NotPossible(_("The gateway's own API is being asked about it: nothing needs to be done."))
    if not request_replay(Quarantine.objects.filter(pk=kept.pk)):
        raise NotPossible(_("It has been read already."))
    return 1


def read_alike_again(kept: Quarantine) -> list[int]:
    """Have all that wait for the same reason read again; their ids. Raises NotPossible when none does."""
    alike = select_alike(kept)
    ids = list(alike.values_list("pk", flat=True))
    if not request_replay(alike):
        raise NotPossible(_("Nothing waits for this reason."))
    return ids


def select_alike(kept: Quarantine) -> QuerySet[Quarantine]:
    """What waits for the same reason as `kept`: same tenant, gateway, place, expectation and finding."""
    return Quarantine.objects.filter(
        tenant=kept.tenant_id,
        delivery__gateway=kept.delivery.gateway,
        path=kept.path,
        expected=kept.expected,
        found=kept.found,
        state=Quarantine.State.WAITING,
    )


def claim_quarantined() -> Quarantine | None:
    """The row that has been due longest, locked until the caller's transaction ends; passes over what others hold."""
    return _lock_due(Quarantine.State.WAITING)


def _lock_due(state: Quarantine.State) -> Quarantine | None:
    """Nothing encrypted is loaded: a key that is gone shows when `body` is read, and stops no other row."""
    due = Quarantine.objects.filter(state=state, due_at__lte=Now()).order_by("due_at")
    secrets = ("secret", "previous_secret", "credentials")
    rows = due.select_related("delivery__endpoint").defer("body", *(f"delivery__endpoint__{name}" for name in secrets))
    locked: Quarantine | None = rows.select_for_update(skip_locked=True, of=("self",)).first()
    return locked


def settle_replay(kept: Quarantine, deliveries: Sequence[NewDelivery]) -> None:
    """The quarantined delivery could be read: record what it says under its own receipt."""
    record_deliveries(deliveries)
    kept.state, kept.resolved_at, kept.due_at = Quarantine.State.REPLAYED, timezone.now(), None
    kept.attempts += 1
    kept.save(update_fields=["state", "resolved_at", "due_at", "attempts"])


def keep_quarantined(kept: Quarantine, *, path: str, expected: str, found: str) -> None:
    """It still cannot be read: remember where reading stopped this time, and wait for a person."""
    kept.path, kept.expected, kept.found = path[:300], expected[:200], found[:200]
    kept.attempts, kept.due_at, kept.state = kept.attempts + 1, None, Quarantine.State.WAITING
    kept.save(update_fields=["path", "expected", "found", "attempts", "due_at", "state"])


def claim_unconfirmed(lease: timedelta) -> Quarantine | None:
    """One that waits for its gateway's API, taken until the lease ends: no transaction stays open while it is asked."""
    with transaction.atomic():
        claimed = _lock_due(Quarantine.State.UNCONFIRMED)
        if claimed:
            Quarantine.objects.filter(pk=claimed.pk).update(due_at=Now() + lease)
    return claimed


def hold_unconfirmed(kept: Quarantine) -> bool:
    """Lock the row until the caller's transaction ends; False when another worker has settled it since it was taken."""
    waiting = Quarantine.objects.filter(pk=kept.pk, state=Quarantine.State.UNCONFIRMED)
    return bool(waiting.select_for_update().values_list("pk"))


def await_confirmation(kept: Quarantine) -> None:
    """Have the gateway's API asked, before it is read again."""
    kept.state, kept.due_at, kept.attempts = Quarantine.State.UNCONFIRMED, Now(), 0
    kept.save(update_fields=["state", "due_at", "attempts"])


def postpone_confirmation(kept: Quarantine, delay: timedelta) -> None:
    """The gateway's API gave no answer: ask again later."""
    Quarantine.objects.filter(pk=kept.pk).update(due_at=Now() + delay, attempts=kept.attempts + 1)
