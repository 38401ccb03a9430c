"""The reliability curve as one SVG element: what a score claims across, what was right upwards. Pure.

It carries no colours: classes `curve-...` name its parts for the page's style. Lengths are in units of the view box.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from xml.etree.ElementTree import Element, SubElement, tostring

from apps.matching.grading import Bin

_LEFT, _TOP, _SIDE = 64.0, 16.0, 360.0
_WIDTH, _HEIGHT = 448.0, 482.0
_SMALLEST, _LARGEST = 3.0, 12.0
_TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


@dataclass(frozen=True, slots=True)
class Words:
    """What the picture says, in the reader's language; `description` is for those who do not see it.

    `automatic` and `proposed` name the two kinds of vertical lines.
    """

    title: str
    description: str
    claimed: str
    right: str
    automatic: str
    proposed: str


def draw_curve(bins: Sequence[Bin], automatic: Iterable[float], proposed: float | None, words: Words) -> str:
    """The element's text, escaped. Without any bin there are only the axes."""
    root = Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "class": "curve",
            "viewBox": f"0 0 {_WIDTH:g} {_HEIGHT:g}",
            "role": "img",
            "aria-labelledby": "curve-title curve-description",
        },
    )
    SubElement(root, "title", {"id": "curve-title"}).text = words.title
    SubElement(root, "desc", {"id": "curve-description"}).text = words.description
    _draw_axes(root, words)
    for place, threshold in enumerate(automatic):
        _draw_threshold(root, "automatic", threshold, words.automatic if place == 0 else "", row=0)
    if proposed is not None:
        _draw_threshold(root, "proposed", proposed, words.proposed, row=1)
    most = max((item.right.of for item in bins), default=1)
    for item in bins:
        _draw_bin(root, item, most)
    return tostring(root, encoding="unicode")


def _x(share: float) -> float:
    return round(_LEFT + share * _SIDE, 1)


def _y(share: float) -> float:
    return round(_TOP + (1 - share) * _SIDE, 1)


def _line(parent: Element, part: str, start: tuple[float, float], end: tuple[float, float]) -> None:
    ends = zip(("x1", "y1", "x2", "y2"), (*start, *end), strict=True)
    SubElement(parent, "line", {"class": f"curve-{part}", **{name: f"{value:g}" for name, value in ends}})


def _text(parent: Element, text: str, at: tuple[float, float], **more: str) -> None:
    SubElement(parent, "text", {"x": f"{at[0]:g}", "y": f"{at[1]:g}", **more}).text = text


def _draw_axes(root: Element, words: Words) -> None:
    for tick in _TICKS:
        _line(root, "grid", (_x(tick), _y(0)), (_x(tick), _y(1)))
        _line(root, "grid", (_x(0), _y(tick)), (_x(1), _y(tick)))
        _text(root, f"{tick:.0%}", (_x(tick), _y(0) + 18), **{"text-anchor": "middle"})
        _text(root, f"{tick:.0%}", (_x(0) - 8, _y(tick) + 4), **{"text-anchor": "end"})
    _line(root, "diagonal", (_x(0), _y(0)), (_x(1), _y(1)))
    _text(root, words.claimed, (_x(0.5), _y(0) + 38), **{"text-anchor": "middle"})
    middle = f"{_y(0.5):g}"
    _text(root, words.right, (14, _y(0.5)), **{"text-anchor": "middle", "transform": f"rotate(-90 14 {middle})"})


def _draw_threshold(root: Element, part: str, share: float, text: str, row: int) -> None:
    """A line through the plot, and one that explains it below the axes."""
    _line(root, part, (_x(share), _y(0)), (_x(share), _y(1)))
    if text:
        height = _y(0) + 64 + row * 22
        _line(root, part, (_x(0), height), (_x(0) + 28, height))
        _text(root, text, (_x(0) + 36, height + 4))


def _draw_bin(root: Element, item: Bin, most: int) -> None:
    """A dot whose area tells how many sales it stands on, within the interval in which the truth may lie."""
    right = item.right.hits / item.right.of
    low, high = item.right.interval()
    group = SubElement(root, "g", {"class": "curve-bin"})
    told = f"{item.claimed:.1%} → {right:.1%} ({low:.1%} – {high:.1%}), n = {item.right.of}"
    SubElement(group, "title").text = told
    x, reach = _x(item.claimed), 4
    _line(group, "whisker", (x, _y(low)), (x, _y(high)))
    for end in (low, high):
        _line(group, "whisker", (x - reach, _y(end)), (x + reach, _y(end)))
    radius = _SMALLEST + (_LARGEST - _SMALLEST) * sqrt(item.right.of / most)
    SubElement(group, "circle", {"class": "curve-dot", "cx": f"{x:g}", "cy": f"{_y(right):g}", "r": f"{radius:.1f}"})
