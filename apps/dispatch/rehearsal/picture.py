"""The course of a rehearsal as a picture: an SVG for documents and pages, lines of blocks for a terminal. Pure.

Two curves above one another share the hours across: what waited, and the requests a minute. The outage is shaded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

from apps.dispatch.rehearsal.report import BIN_S, Report

_WIDTH, _LEFT, _RIGHT = 760.0, 76.0, 16.0
_TOP, _PANEL, _GAP = 36.0, 150.0, 56.0
_HEIGHT = _TOP + 2 * _PANEL + _GAP + 44.0
_POINTS = 380
_COLUMNS, _ROWS = 72, 6
_BLOCKS = " ▁▂▃▄▅▆▇█"
_INK, _PALE, _SHADE, _ALARM = "#334155", "#cbd5e1", "#fee2e2", "#b91c1c"
_TICKS = 6
_TITLES = ("sales that wait", "requests a minute")


def draw_picture(report: Report) -> str:
    """A whole SVG document, escaped."""
    root = Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {_WIDTH:g} {_HEIGHT:g}",
            "role": "img",
            "font-family": "system-ui, sans-serif",
            "font-size": "12",
        },
    )
    SubElement(root, "title").text = f"An outage of {report.plan.outage_s / 3600:g} h and the recovery from it"
    SubElement(root, "rect", {"width": f"{_WIDTH:g}", "height": f"{_HEIGHT:g}", "fill": "#ffffff"})
    backlog, requests = (_series(report, which, _POINTS) for which in _curves(report))
    outage = _outage_of(report)
    _draw_panel(root, _Panel(backlog, _TOP, _TITLES[0], "#0f766e"), outage)
    _draw_panel(root, _Panel(requests, _TOP + _PANEL + _GAP, _TITLES[1], "#1d4ed8"), outage)
    _draw_hours(root, report)
    return tostring(root, encoding="unicode")


def plot(report: Report) -> list[str]:
    """The same two curves in characters."""
    lines: list[str] = []
    for title, which in zip(_TITLES, _curves(report), strict=True):
        values = _series(report, which, _COLUMNS)
        lines += ["", f"{title}, at most {max(values):,.0f}", *_rows(values)]
    outage = _outage_of(report)
    return [*lines, _underline(outage), f"0 h{_span(report) / 3600:>{_COLUMNS - 5}.1f} h"]


def _curves(report: Report) -> tuple[Mapping[int, float], Mapping[int, float]]:
    course = report.course
    backlog: Mapping[int, float] = course.backlog
    return backlog, {place: n * 60 / BIN_S for place, n in course.requests.items()}


def _span(report: Report) -> float:
    return (max(report.course.backlog, default=0) + 1) * BIN_S


def _series(report: Report, curve: Mapping[int, float], points: int) -> list[float]:
    """The highest value in each of `points` equal parts of the time."""
    bins = int(_span(report) / BIN_S)
    width = max(bins / points, 1.0)
    values = [0.0] * min(points, bins)
    for place, value in curve.items():
        if 0 <= place < bins:
            index = min(int(place / width), len(values) - 1)
            values[index] = max(values[index], value)
    return values


def _outage_of(report: Report) -> tuple[float, float]:
    """Start and end as shares of the time."""
    return report.plan.quiet_s / _span(report), report.plan.ends_at / _span(report)


@dataclass(frozen=True, slots=True)
class _Panel:
    """One of the two curves: its values, where it begins from above, what it shows."""

    values: Sequence[float]
    top: float
    title: str
    colour: str


def _draw_panel(root: Element, panel: _Panel, outage: tuple[float, float]) -> None:
    width, highest, top = _WIDTH - _LEFT - _RIGHT, max(panel.values) or 1.0, panel.top
    start, end = outage
    SubElement(
        root,
        "rect",
        {
            "x": f"{_LEFT + start * width:.1f}",
            "y": f"{top:.1f}",
            "width": f"{(end - start) * width:.1f}",
            "height": f"{_PANEL:.1f}",
            "fill": _SHADE,
        },
    )
    _write(root, _LEFT, top - 10, f"{panel.title}, at most {highest:,.0f}")
    for share in (0.0, 0.5, 1.0):
        y = top + _PANEL * (1 - share)
        SubElement(
            root,
            "line",
            {"x1": f"{_LEFT:g}", "x2": f"{_WIDTH - _RIGHT:g}", "y1": f"{y:.1f}", "y2": f"{y:.1f}", "stroke": _PALE},
        )
        _write(root, _LEFT - 8, y + 4, f"{highest * share:,.0f}", anchor="end")
    step = width / len(panel.values)
    points = " ".join(
        f"{_LEFT + (index + 0.5) * step:.1f},{top + _PANEL * (1 - value / highest):.1f}"
        for index, value in enumerate(panel.values)
    )
    SubElement(root, "polyline", {"points": points, "fill": "none", "stroke": panel.colour, "stroke-width": "1.5"})


def _draw_hours(root: Element, report: Report) -> None:
    width, base = _WIDTH - _LEFT - _RIGHT, _TOP + 2 * _PANEL + _GAP
    for tick in range(_TICKS + 1):
        x = _LEFT + width * tick / _TICKS
        _write(root, x, base + 18, f"{_span(report) / 3600 * tick / _TICKS:.1f} h", anchor="middle")
    start, _end = _outage_of(report)
    _write(root, _LEFT + start * width + 6, _TOP + 16, f"outage: {report.plan.trouble}", colour=_ALARM)


def _write(root: Element, x: float, y: float, text: str, *, anchor: str = "start", colour: str = _INK) -> None:
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor, "fill": colour}
    SubElement(root, "text", place).text = text


def _rows(values: Sequence[float]) -> list[str]:
    """Blocks of an eighth of a line each, the top line first."""
    highest = max(values) or 1.0
    eighths = [round(value / highest * _ROWS * 8) for value in values]
    return ["".join(_BLOCKS[min(max(n - 8 * row, 0), 8)] for n in eighths) for row in reversed(range(_ROWS))]


def _underline(outage: tuple[float, float]) -> str:
    start, end = (round(share * _COLUMNS) for share in outage)
    return " " * start + "─" * max(end - start, 1) + " outage"
