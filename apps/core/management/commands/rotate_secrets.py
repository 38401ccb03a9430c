"""`manage.py rotate_secrets [--batch N]`: everything that is encrypted at rest, again under the newest key.

Put the new key first in HUBTRACK_SECRET_KEYS, restart, run this, then take the old key away. It may be stopped and run
again.
"""

from argparse import ArgumentParser
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.db.models import Model

from apps.core.crypto import InvalidToken
from apps.core.fields import EncryptedBytesField


class Command(BaseCommand):
    """Rows are locked a batch at a time, so the hub goes on working meanwhile and no change of a secret is lost."""

    help = "Encrypt every secret again under the newest key."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--batch", type=int, default=200, help="rows in one transaction")

    def handle(self, *args: Any, **options: Any) -> None:
        for model in apps.get_models():
            columns = [field.name for field in model._meta.fields if isinstance(field, EncryptedBytesField)]
            if columns:
                rows = _rotate(model, columns, options["batch"])
                self.stdout.write(f"{model._meta.label}: {rows} rows")


def _rotate(model: type[Model], columns: list[str], size: int) -> int:
    rotated, last = 0, None
    while keys := _rotate_batch(model, columns, size, last):
        rotated, last = rotated + len(keys), keys[-1]
    return rotated


@transaction.atomic
def _rotate_batch(model: type[Model], columns: list[str], size: int, last: Any) -> list[Any]:
    """The keys of the rows after `last` that were written anew. The base manager, unlike a scoped one, sees all."""
    rows = model._base_manager.order_by("pk").only("pk", *columns).select_for_update()
    try:
        batch = list((rows if last is None else rows.filter(pk__gt=last))[:size])
    except InvalidToken as error:
        raise CommandError(
            f"A row of {model._meta.label} was encrypted with a key that HUBTRACK_SECRET_KEYS no longer has. "
            "Add that key at the end and run this again."
        ) from error
    for row in batch:
        row.save(update_fields=columns)
    return [row.pk for row in batch]
