"""`manage.py rehearse_outage`: what it prints, draws and refuses."""

import io
import json
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest
from django.core.management import CommandError, call_command

from apps.dispatch.management.commands.rehearse_outage import is_broken, read_hours, read_rate
from apps.dispatch.rehearsal.picture import draw_picture, plot
from apps.dispatch.rehearsal.plan import Plan, Trouble
from apps.dispatch.rehearsal.report import Report, describe
from apps.dispatch.rehearsal.simulation import rehearse

SVG = "{http://www.w3.org/2000/svg}"
SMALL = ("--hours", "0.1", "--rate", "60/min", "--destinations", "3")


@pytest.fixture(scope="module")
def report() -> Report:
    return rehearse(Plan(outage_s=360, per_minute=60, destinations=3))


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("rehearse_outage", *arguments, stdout=out)
    return out.getvalue()


def test_it_prints_what_became_of_the_sales_and_two_plots() -> None:
    told = run(*SMALL)

    names = ("sold", "accepted", "dead", "expired", "lost", "peak backlog", "caught up after", "strikes", "trace")
    lines = told.splitlines()
    assert [name for name in names if not any(line.startswith(name) for line in lines)] == []
    assert "0 h 06 min 00 s of 500, 3 destinations, seed 1" in lines[0]
    assert "█" in told


def test_the_same_command_prints_the_same() -> None:
    assert run(*SMALL, "--seed", "7") == run(*SMALL, "--seed", "7")
    assert run(*SMALL, "--seed", "7") != run(*SMALL, "--seed", "8")


@pytest.mark.parametrize("fault", [trouble.value for trouble in Trouble])
def test_its_figures_for_programs_add_up(fault: str) -> None:
    figures: dict[str, Any] = json.loads(run(*SMALL, "--json", "--fault", fault))

    assert figures["plan"]["trouble"] == fault
    assert (figures["sold"], figures["lost"], figures["accepted_twice"]) == (figures["accepted"], 0, 0)
    assert len(figures["trace"]) == 16


def test_it_draws_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "outage.svg"

    run(*SMALL, "--svg", str(path))

    root = fromstring(path.read_text())
    assert root.tag == f"{SVG}svg"
    assert len(root.findall(f"{SVG}polyline")) == 2
    assert any("outage: 500" in (text.text or "") for text in root.findall(f"{SVG}text"))


def test_the_curves_of_the_picture_stay_in_their_panels(report: Report) -> None:
    root = fromstring(draw_picture(report))

    for line, (top, bottom) in zip(root.findall(f"{SVG}polyline"), ((36, 186), (242, 392)), strict=True):
        points = [tuple(map(float, pair.split(","))) for pair in line.attrib["points"].split()]
        assert len(points) > 50
        assert all(76 <= x <= 744 and top <= y <= bottom for x, y in points)
        assert min(y for _x, y in points) == top


def test_the_plot_is_as_wide_as_a_terminal(report: Report) -> None:
    assert {len(line) for line in plot(report) if "█" in line} == {72}


@pytest.mark.parametrize(
    ("text", "per_minute"), [("10000/min", 10_000), ("50/s", 3_000), ("120/h", 2), ("7", 7), ("0.5/min", 0.5)]
)
def test_rates_are_read(text: str, per_minute: float) -> None:
    assert read_rate(text) == pytest.approx(per_minute)


@pytest.mark.parametrize("text", ["", "x", "0", "-1", "10/day", "1e5", "100001/min", "10 /min", "nan", "1/s/s"])
def test_other_rates_are_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError):
        read_rate(text)


@pytest.mark.parametrize("text", ["0", "-1", "721", "nan", "inf"])
def test_hours_have_bounds(text: str) -> None:
    with pytest.raises(ArgumentTypeError):
        read_hours(text)


@pytest.mark.parametrize("arguments", [("--fault", "x"), ("--destinations", "0"), ("--rate", "x"), ("--hours", "x")])
def test_what_cannot_be_rehearsed_is_refused(arguments: tuple[str, str]) -> None:
    with pytest.raises((CommandError, SystemExit)):
        run(*arguments)


def test_a_broken_promise_would_fail_the_command(report: Report) -> None:
    names = report.__dataclass_fields__
    facts = {name: getattr(report, name) for name in names}

    assert not is_broken(report)
    assert is_broken(Report(**{**facts, "accepted_twice": 1}))
    assert is_broken(Report(**{**facts, "accepted": report.accepted - 1}))


def test_a_hub_that_never_caught_up_is_called_so(report: Report) -> None:
    facts = {name: getattr(report, name) for name in report.__dataclass_fields__}

    lines = describe(Report(**{**facts, "caught_up_s": None, "dead": {"unknown_outcome": 2, "http_500": 1}}))

    assert any(line.split() == ["caught", "up", "after", "never"] for line in lines)
    assert any(line.endswith("3 (http_500 1, unknown_outcome 2)") for line in lines)
