"""A small mapping of texts as a labelled box for each key."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django_stubs_ext import StrOrPromise


class _Boxes(forms.MultiWidget):
    """The boxes of a BoxesField. Its template is the project's, where Django's renderer of widgets does not look."""

    template_name = "admin/support/boxes.html"

    def __init__(self, labels: Mapping[str, StrOrPromise], widgets: Mapping[str, forms.Widget]) -> None:
        super().__init__(dict(widgets))
        self.labels = dict(labels)

    def decompress(self, value: Mapping[str, str] | None) -> list[str | None]:
        return [(value or {}).get(key) for key in self.labels]

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        boxes = self.get_context(name, value, attrs)["widget"]["subwidgets"]
        shown = [
            (label, box["attrs"].get("id", ""), widget.render(box["name"], box["value"], box["attrs"], renderer))
            for label, widget, box in zip(self.labels.values(), self.widgets, boxes, strict=True)
        ]
        return render_to_string(self.template_name, {"boxes": shown})


class BoxesField(forms.MultiValueField):
    """Answers {key: text}, stripped and without the empty ones; `labels` and `widgets` have the same keys."""

    def __init__(self, labels: Mapping[str, StrOrPromise], widgets: Mapping[str, forms.Widget], **options: Any) -> None:
        self.keys = tuple(labels)
        fields = [forms.CharField(required=False, max_length=2000) for _key in labels]
        super().__init__(fields, widget=_Boxes(labels, widgets), required=False, require_all_fields=False, **options)

    def compress(self, data_list: Sequence[str]) -> dict[str, str]:
        return {key: text for key, text in zip(self.keys, data_list, strict=False) if text}
