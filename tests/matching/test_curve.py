"""The picture says what the bins say, in the right place, and to those who do not see it."""

from dataclasses import replace
from xml.etree.ElementTree import Element, fromstring

import pytest

from apps.matching.curve import Words, draw_curve
from apps.matching.grading import Bin, Share

WORDS = Words(
    title="Reliability curve",
    description="What was right for each claimed confidence.",
    claimed="claimed",
    right="right",
    automatic="automatic from 85 %",
    proposed="proposed: 69 %",
)
BINS = (Bin(0.0, 0.1, 0.0, Share(0, 25)), Bin(0.4, 0.5, 0.5, Share(50, 100)), Bin(0.9, 1.0, 1.0, Share(400, 400)))
SVG = "{http://www.w3.org/2000/svg}"


def _draw(bins: tuple[Bin, ...] = BINS, proposed: float | None = 0.69, words: Words = WORDS) -> Element:
    return fromstring(draw_curve(bins, (0.85,), proposed, words))


def _parts(root: Element, part: str) -> list[Element]:
    return [item for item in root.iter() if item.get("class") == f"curve-{part}"]


def _numbers(item: Element, *names: str) -> tuple[float, ...]:
    return tuple(float(item.attrib[name]) for name in names)


def test_dots_stand_where_claim_and_truth_meet() -> None:
    dots = [_numbers(dot, "cx", "cy") for dot in _parts(_draw(), "dot")]

    (left, bottom), middle, (right, top) = dots
    assert middle == ((left + right) / 2, (top + bottom) / 2)
    (diagonal,) = _parts(_draw(), "diagonal")
    assert _numbers(diagonal, "x1", "y1", "x2", "y2") == (left, bottom, right, top)


def test_a_dots_area_grows_with_its_sales() -> None:
    radii = [_numbers(dot, "r")[0] for dot in _parts(_draw(), "dot")]

    assert radii == sorted(radii)
    assert len(set(radii)) == 3


def test_whiskers_reach_over_the_interval() -> None:
    _, middle, _ = _parts(_draw(), "bin")

    upright = next(line for line in _parts(middle, "whisker") if line.get("x1") == line.get("x2"))
    (dot,) = _parts(middle, "dot")
    low, high = Share(50, 100).interval()
    y1, y2 = _numbers(upright, "y1", "y2")
    assert y1 - y2 == pytest.approx((high - low) * 360, abs=0.2)
    assert y2 < _numbers(dot, "cy")[0] < y1


def test_thresholds_are_upright_lines_with_their_words() -> None:
    root = _draw()

    for part, share, words in (("automatic", 0.85, WORDS.automatic), ("proposed", 0.69, WORDS.proposed)):
        upright, legend = _parts(root, part)
        x1, x2, y1, y2 = _numbers(upright, "x1", "x2", "y1", "y2")
        assert x1 == x2 == pytest.approx(64 + share * 360)
        assert y1 - y2 == 360
        assert legend.get("y1") == legend.get("y2")
        assert words in [text.text for text in root.iter(f"{SVG}text")]


def test_without_a_proposal_there_is_no_line_for_it() -> None:
    root = _draw(proposed=None)

    assert _parts(root, "proposed") == []
    assert WORDS.proposed not in [text.text for text in root.iter(f"{SVG}text")]


def test_several_thresholds_are_explained_once() -> None:
    root = fromstring(draw_curve(BINS, (0.8, 0.9), None, WORDS))

    assert len(_parts(root, "automatic")) == 3
    assert [text.text for text in root.iter(f"{SVG}text")].count(WORDS.automatic) == 1


def test_nothing_lies_outside_the_picture() -> None:
    root = _draw()
    _, _, width, height = map(float, root.attrib["viewBox"].split())

    for line in root.iter(f"{SVG}line"):
        x1, x2, y1, y2 = _numbers(line, "x1", "x2", "y1", "y2")
        assert min(x1, x2) >= 0
        assert max(x1, x2) <= width
        assert min(y1, y2) >= 0
        assert max(y1, y2) <= height
    for dot in _parts(root, "dot"):
        x, y, radius = _numbers(dot, "cx", "cy", "r")
        assert x + radius <= width
        assert y - radius >= 0


def test_it_is_told_to_who_does_not_see_it() -> None:
    root = _draw()
    named = {item.get("id"): item.text for item in root.iter() if item.get("id")}

    assert root.get("role") == "img"
    assert [named[name] for name in root.attrib["aria-labelledby"].split()] == [WORDS.title, WORDS.description]
    assert _parts(root, "bin")[1][0].text == "50.0% → 50.0% (40.4% – 59.6%), n = 100"


def test_without_sales_there_are_only_axes() -> None:
    root = _draw(bins=())

    assert (_parts(root, "dot"), _parts(root, "whisker")) == ([], [])
    assert len(_parts(root, "grid")) == 12


def test_words_are_escaped_and_no_script_or_colour_is_in_it() -> None:
    drawn = draw_curve(BINS, (0.85,), 0.69, replace(WORDS, title="<script>alert(1)</script>"))

    assert "<script" not in drawn
    assert "&lt;script&gt;" in drawn
    assert "style" not in drawn
    assert "http" not in drawn.replace("http://www.w3.org/2000/svg", "")
