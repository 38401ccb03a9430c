"""What every page of the support console is made of, and the pages of libraries' own models (audit, schedule).

An app's admin module builds on these classes. What an upper app knows about a lower app's row is added from above, with
`add_panel` and `add_lookup`, so that no admin module imports an app above its own.
"""

from apps.core.admin import audit, schedule
from apps.core.admin.actions import act_on_each
from apps.core.admin.columns import Column, badge, column, list_link, moment, row_link
from apps.core.admin.filters import AutocompleteFilter, word_filter
from apps.core.admin.pages import TECHNICAL, Colours, RecordAdmin, SupportAdmin
from apps.core.admin.panels import Document, Table, add_panel
from apps.core.admin.search import Lookup, add_lookup, as_typed
from apps.core.admin.unfolded import AnyForm

__all__ = [
    "TECHNICAL",
    "AnyForm",
    "AutocompleteFilter",
    "Colours",
    "Column",
    "Document",
    "Lookup",
    "RecordAdmin",
    "SupportAdmin",
    "Table",
    "act_on_each",
    "add_lookup",
    "add_panel",
    "as_typed",
    "audit",
    "badge",
    "column",
    "list_link",
    "moment",
    "row_link",
    "schedule",
    "word_filter",
]
