"""Values as the console shows them: exact times, links, shortened hashes. All is escaped, here or by a template."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db import models
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

HASH_SHOWN = 12
EMPTY = "-"
_ANSWERS = {True: _("yes"), False: _("no"), None: _("unknown")}


class Column:
    """A list's column or a page's read-only field; the attribute names are those that Django and unfold look for.

    `label` maps a word to its colour, and `show` then gives the pair (word, text).
    """

    def __init__(
        self,
        name: str,
        title: StrOrPromise,
        show: Callable[[Any], Any],
        *,
        order: str | None = None,
        label: Mapping[str, str] | None = None,
    ) -> None:
        self.__name__ = name
        self.short_description = title
        self.show = show
        self.admin_order_field = order
        self.label = label

    def __call__(self, row: Any) -> Any:
        return self.show(row)


def column(title: StrOrPromise) -> Callable[[Callable[[Any], Any]], Column]:
    """Decorator: the function's value, escaped unless it is a link, is the column."""
    return lambda show: Column(show.__name__, title, show)


def moment(when: datetime | None, suffix: str = "") -> str:
    """To the second and in UTC, as the logs have it, whatever the reader's language; never broken over lines."""
    if when is None:
        return EMPTY
    text = f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S}{suffix}"
    return format_html('<span class="whitespace-nowrap">{}</span>', text)


def short_hash(digest: str) -> str:
    """Enough to compare two of them by eye."""
    return f"{digest[:HASH_SHOWN]}…" if digest else EMPTY


def row_link(row: models.Model | None, text: StrOrPromise = "") -> SafeString | str:
    """A link to the row's page, if it has one."""
    if row is None:
        return EMPTY
    if not admin.site.is_registered(type(row)):
        return str(row)
    return _link(reverse(_page(type(row), "change"), args=[quote(str(row.pk))]), text or str(row))


def list_link(model: type[models.Model], text: StrOrPromise, **query: str) -> SafeString:
    """A link to the model's list as `query` narrows it."""
    return _link(list_address(model, **query), text)


def list_address(model: type[models.Model], **query: str) -> str:
    address = reverse(_page(model, "changelist"))
    return f"{address}?{urlencode(query)}" if query else address


def _page(model: type[models.Model], page: str) -> str:
    return f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}"


def _link(address: str, text: StrOrPromise) -> SafeString:
    return format_html('<a class="text-link" href="{}">{}</a>', address, text)


def badge(word: str, text: StrOrPromise = "", *, colour: str = "") -> SafeString:
    """A coloured word; `colour` is one of unfold's: success, warning, danger, info."""
    return render_to_string("unfold/helpers/label.html", {"text": text or word, "type": colour, "size": "md"})


def short_text(text: StrOrPromise) -> str:
    """What stands before the colon: our words for states explain themselves after it, and lists lack the room."""
    return str(text).partition(":")[0]


def list_column(model: type[models.Model], name: str, colours: Mapping[str, str] | None) -> Column | str:
    """How a list shows the model's own field `name`; other names are left to Django."""
    field = _field_of(model, name)
    if field is not None and colours is not None:
        return _word_column(field, colours)
    return _plain_column(field, suffix="") or name


@cache
def page_field(model: type[models.Model], name: Column | str) -> Column | str:
    """How a page shows the model's own field `name` when it cannot be edited; always the same object."""
    return (_plain_column(_field_of(model, name), suffix=" UTC") if isinstance(name, str) else None) or name


def badge_field(model: type[models.Model], name: str, colours: Mapping[str, str]) -> Column:
    """How a page shows a word that has a colour in lists."""
    field = model._meta.get_field(name)
    texts: dict[str, StrOrPromise] = dict(getattr(field, "flatchoices", ()))

    def show(row: Any) -> SafeString:
        word = getattr(row, name)
        return badge(word, texts.get(word, word), colour=colours.get(word, ""))

    return Column(name, getattr(field, "verbose_name", name), show)


def _field_of(model: type[models.Model], name: str) -> "models.Field[Any, Any] | None":
    return next((field for field in model._meta.concrete_fields if field.name == name), None)


def _plain_column(field: "models.Field[Any, Any] | None", *, suffix: str) -> Column | None:
    if field is None:
        return None
    name, title = field.name, field.verbose_name
    if isinstance(field, models.DateTimeField):
        return Column(name, title, lambda row: moment(getattr(row, name), suffix), order=name)
    if isinstance(field, models.ForeignKey):
        return Column(name, title, lambda row: row_link(getattr(row, name)), order=name)
    if isinstance(field, models.BooleanField):
        return Column(name, title, lambda row: _ANSWERS[getattr(row, name)], order=name)
    if is_hash(name):
        return Column(name, title, lambda row: short_hash(getattr(row, name)))
    return None


def is_hash(name: str) -> bool:
    return name.endswith("_sha256") or name == "fingerprint"


def _word_column(field: "models.Field[Any, Any]", colours: Mapping[str, str]) -> Column:
    texts: dict[str, StrOrPromise] = dict(field.flatchoices)
    label = {**dict.fromkeys(texts, ""), **colours}

    def show(row: Any) -> tuple[str, str]:
        word = getattr(row, field.name)
        return word, short_text(texts.get(word, word))

    return Column(field.name, field.verbose_name, show, order=field.name, label=label)
