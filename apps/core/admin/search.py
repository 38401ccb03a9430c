"""Search on tables of millions of rows: each lookup is one equality on one index, never a pattern.

What was typed may be of several kinds (an order id can look like a phone), so every lookup that can read it is asked,
and the rows they find are put together by primary key.
"""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model

MAX_HITS = 200


def as_typed(text: str) -> str | None:
    return text or None


def as_uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Lookup:
    """Rows whose `path` equals what `read` makes of the typed text; None means that it cannot be one.

    `leading` holds conditions on the columns that come first in the index: without them PostgreSQL cannot use it.
    """

    path: str
    read: Callable[[str], Any] = as_typed
    leading: Mapping[str, Any] = field(default_factory=dict)


_added: dict[type[Model], list[Lookup]] = defaultdict(list)


def add_lookup(model: type[Model], *lookups: Lookup) -> None:
    """Let an upper app's column find rows of a lower app's `model`."""
    _added[model].extend(lookups)


def added_lookups(model: type[Model]) -> tuple[Lookup, ...]:
    return tuple(_added[model])


def find_keys(model: type[Model], lookups: Iterable[Lookup], text: str) -> set[Any]:
    """Primary keys of what `text` may mean, at most MAX_HITS for each way to read it."""
    keys: set[Any] = set()
    for lookup in (*lookups, *added_lookups(model)):
        value = lookup.read(text)
        if value is not None:
            rows = model._default_manager.filter(**lookup.leading, **{lookup.path: value})
            keys.update(rows.order_by().values_list("pk", flat=True)[:MAX_HITS])
    return keys
