"""Pages of raw statements in the shape of every list: {next, previous, results}, stable while rows arrive."""

import base64
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from apps.core.api import Pages
from apps.core.errors import NotFound
from apps.dispatch.ledger.queries import Key, Placed

Read = Callable[[Key | None, bool, int], list[Placed]]
"""(on which side of which key, whether backward, how many at most): places, the nearest to the key first."""


@dataclass(frozen=True, slots=True)
class _Cursor:
    """Where a page begins."""

    key: Key
    is_backward: bool = False

    def to_text(self) -> str:
        side = "p" if self.is_backward else "n"
        return base64.urlsafe_b64encode(f"{side}.{self.key[0]}.{self.key[1]}".encode()).decode()

    @classmethod
    def from_text(cls, text: str) -> "_Cursor":
        try:
            side, pk, destination = base64.urlsafe_b64decode(text.encode()).decode().split(".")
            key = int(pk), uuid.UUID(destination)
        except ValueError as error:
            raise NotFound(_("This page does not exist. Follow `next` and `previous` as they are.")) from error
        if side not in ("n", "p") or not 0 <= key[0] < 2**63:
            raise NotFound(_("This page does not exist. Follow `next` and `previous` as they are."))
        return cls(key, side == "p")


def read_page(request: Request, read: Read, show: Callable[[Sequence[Placed]], Any]) -> dict[str, Any]:
    """The page that the request asks for; `page_size` as in every list."""
    pages = Pages()
    size = pages.get_page_size(request) or Pages.max_page_size
    text = request.query_params.get("cursor")
    cursor = _Cursor.from_text(text) if text else None
    is_backward = cursor is not None and cursor.is_backward
    found = read(cursor.key if cursor else None, is_backward, size + 1)
    has_more, rows = len(found) > size, found[:size]
    if is_backward:
        rows.reverse()
    has_next = bool(rows) and (is_backward or has_more)
    has_previous = bool(rows) and (has_more if is_backward else cursor is not None)
    return {
        "next": _link(request, _Cursor(rows[-1].key)) if has_next else None,
        "previous": _link(request, _Cursor(rows[0].key, is_backward=True)) if has_previous else None,
        "results": show(rows),
    }


def _link(request: Request, cursor: _Cursor) -> str:
    address: str = replace_query_param(request.build_absolute_uri(), "cursor", cursor.to_text())
    return address
