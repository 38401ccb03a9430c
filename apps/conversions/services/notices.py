"""What a person should look at, though nothing is lost: new fields, and how a candidate adapter differs."""

import uuid
from collections.abc import Collection, Sequence

from django.db import transaction
from django.db.models.functions import Now

from apps.conversions.models import AdapterComparison, DriftNotice
from apps.tenants.scoping import tenant_scope

# A sender that invents names must not fill the table; a real gateway never changes this much at once.
MAX_NOTICES = 200


@transaction.atomic
def note_drift(tenant_id: uuid.UUID, gateway: str, fields: Collection[tuple[str, str]]) -> None:
    """Note each (version of the format, path), new or seen again."""
    with tenant_scope(tenant_id):
        notices = DriftNotice.objects.filter(gateway=gateway)
        known = {pk: (version, path) for pk, version, path in notices.values_list("pk", "version", "path")}
        room = max(MAX_NOTICES - len(known), 0)
        DriftNotice.objects.bulk_create(
            [
                DriftNotice(tenant_id=tenant_id, gateway=gateway, version=version, path=path)
                for version, path in sorted(set(fields) - set(known.values()))[:room]
            ],
            ignore_conflicts=True,
        )
        seen_again = [pk for pk, key in known.items() if key in fields]
        notices.filter(pk__in=seen_again).update(last_seen_at=Now())


@transaction.atomic
def keep_comparisons(tenant_id: uuid.UUID, rows: Sequence[AdapterComparison]) -> None:
    with tenant_scope(tenant_id):
        AdapterComparison.objects.bulk_create(rows)
