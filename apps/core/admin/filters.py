"""List filters that never ask a big table for its distinct values."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django_stubs_ext import StrOrPromise

from apps.core.admin.unfolded import UnfoldAdmin, UnfoldAutocompleteFilter


class AutocompleteFilter(UnfoldAutocompleteFilter):
    """A related row found by typing; its template is ours, so that unfold's filter app need not be installed."""

    template = "admin/support/filter.html"


def word_filter(
    title: StrOrPromise, parameter: str, choices: Mapping[str, tuple[StrOrPromise, Q]]
) -> type[SimpleListFilter]:
    """A filter with a fixed list of words: {word in the address: (what it is called, the condition)}."""

    class WordFilter(SimpleListFilter):
        """Django makes one for each request."""

        def lookups(self, request: HttpRequest, model_admin: UnfoldAdmin) -> Iterable[tuple[str, StrOrPromise]]:
            return [(word, text) for word, (text, _condition) in choices.items()]

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            chosen = choices.get(self.value() or "")
            return queryset.filter(chosen[1]) if chosen else queryset

    WordFilter.title = title
    WordFilter.parameter_name = parameter
    return WordFilter
