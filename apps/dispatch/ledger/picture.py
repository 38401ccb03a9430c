"""The ledger as one SVG element: a bar for each destination and currency, its buckets beside each other. Pure.

It carries no colours: the classes `ledger-<bucket>` name the parts for the page's style. Lengths are in units of the
view box, which is narrow, with names above their bars, to be read on a phone. What is tiny is drawn wide enough to be
seen: one missing order among a million is the news.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

_WIDTH, _ROW, _BAR = 360.0, 34.0, 12.0
_SEEN = 3.0


@dataclass(frozen=True, slots=True)
class Part:
    """A bucket's share of a bar; `told` is what a pointer over it reads."""

    bucket: str
    orders: int
    told: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One destination in one currency. Parts without orders are not drawn."""

    label: str
    parts: Sequence[Part]


def draw_bars(bars: Sequence[Bar], *, title: str, description: str) -> str:
    """The element's text, escaped; `description` is for those who do not see it."""
    root = Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "class": "ledger-bars",
            "viewBox": f"0 0 {_WIDTH:g} {_ROW * max(len(bars), 1):g}",
            "role": "img",
            "aria-labelledby": "ledger-title ledger-description",
        },
    )
    SubElement(root, "title", {"id": "ledger-title"}).text = title
    SubElement(root, "desc", {"id": "ledger-description"}).text = description
    for place, bar in enumerate(bars):
        _draw(root, bar, place * _ROW)
    return tostring(root, encoding="unicode")


def _draw(root: Element, bar: Bar, top: float) -> None:
    SubElement(root, "text", {"x": "0", "y": f"{top + 12:g}"}).text = bar.label
    x = 0.0
    for part, width in zip(bar.parts, _widths(bar.parts), strict=True):
        if width:
            size = {"x": f"{x:.1f}", "y": f"{top + 17:g}", "width": f"{width:.1f}", "height": f"{_BAR:g}"}
            rect = SubElement(root, "rect", {"class": f"ledger-{part.bucket}", **size})
            SubElement(rect, "title").text = part.told
        x += width


def _widths(parts: Sequence[Part]) -> list[float]:
    """In proportion to the orders; none that has any falls below what can be seen, and together they fill the bar."""
    whole = sum(part.orders for part in parts)
    if not whole:
        return [0.0 for _part in parts]
    wide = [max(part.orders / whole * _WIDTH, _SEEN) if part.orders else 0.0 for part in parts]
    shrink = _WIDTH / sum(wide)
    return [width * shrink for width in wide]
