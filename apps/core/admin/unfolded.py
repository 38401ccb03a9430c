"""Unfold's classes under Django's types: unfold has no annotations that a checker may read.

Django's own generic classes are here too, since only a checker can subscript them.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin, RelatedFieldListFilter
    from django.core.paginator import Paginator
    from django.forms import ModelForm

    AnyForm = ModelForm[Any]
    UnfoldAdmin = ModelAdmin[Any]
    UnfoldAutocompleteFilter = RelatedFieldListFilter
    UncountedPaginator = Paginator[Any]
else:
    from django.forms import ModelForm as AnyForm
    from unfold.admin import ModelAdmin as UnfoldAdmin
    from unfold.contrib.filters.admin import AutocompleteSelectFilter as UnfoldAutocompleteFilter
    from unfold.paginator import InfinitePaginator as UncountedPaginator

__all__ = ["AnyForm", "UncountedPaginator", "UnfoldAdmin", "UnfoldAutocompleteFilter"]
