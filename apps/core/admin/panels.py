"""Cards under the fields of a detail page. Their templates escape every value; only our links and badges are HTML."""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib.auth import get_permission_codename
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import Model
from django.utils.safestring import SafeString
from django_stubs_ext import StrOrPromise

from apps.core.admin.columns import short_hash

ROWS_SHOWN = 50
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text, links and badges; `words` stand above them, `more` (a link) below."""

    template: ClassVar[str] = "admin/support/table.html"
    title: StrOrPromise
    headers: Sequence[StrOrPromise]
    rows: Sequence[Sequence[Any]]
    words: StrOrPromise = ""
    more: SafeString | str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A text as it is, line by line."""

    template: ClassVar[str] = "admin/support/document.html"
    title: StrOrPromise
    text: str


Panel = Table | Document
_Maker = Callable[[Any], Panel]
_added: dict[type[Model], list[tuple[type[Model], _Maker]]] = defaultdict(list)


def add_panel(page: type[Model], *, shows: type[Model]) -> Callable[[_Maker], _Maker]:
    """Decorator: the function makes a card for the pages of `page`, seen by who may see the rows of `shows`."""

    def add(maker: _Maker) -> _Maker:
        _added[page].append((shows, maker))
        return maker

    return add


def panels_of(row: Model, user: AbstractBaseUser | AnonymousUser) -> list[Panel]:
    return [maker(row) for shows, maker in _added[type(row)] if may_view(user, shows)]


def may_view(user: AbstractBaseUser | AnonymousUser, model: type[Model]) -> bool:
    """As Django's admin has it: who may change may also look."""
    codenames = (get_permission_codename(action, model._meta) for action in ("view", "change"))
    return any(user.has_perm(f"{model._meta.app_label}.{name}") for name in codenames)  # type: ignore[union-attr]


def json_document(title: StrOrPromise, value: Any) -> Document:
    """Pretty-printed, with every hash but an event_id shortened: an event_id is a name, not a person."""
    return Document(title, json.dumps(_shortened(value), indent=2, ensure_ascii=False, sort_keys=True))


def _shortened(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _shortened(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_shortened(item, key) for item in value]
    is_person = isinstance(value, str) and key != "event_id" and _DIGEST.fullmatch(value)
    return short_hash(value) if is_person else value
