"""What goes wrong is laid down by the seed: every kind of it in the long form, what heals quickly in the short one."""

from collections import Counter
from random import Random

from hubtrack.stack.config import PROJECT
from tests.chaos.faults import NAMES, plan_kills, plan_weather
from tests.chaos.load import Told
from tests.chaos.matrix import ROWS, Row, describe, named_tests
from tests.chaos.proxy import Fault
from tests.chaos.run import Result
from tests.chaos.site import Place
from tests.chaos.verify import Judgement

PLACES = [Place(number, "meta", f"90{number}") for number in range(24)]


def test_the_same_seed_gives_the_same_plan() -> None:
    assert plan_kills(Random(1), 600) == plan_kills(Random(1), 600)
    assert plan_kills(Random(1), 600) != plan_kills(Random(2), 600)
    assert plan_weather(Random(1), 600, PLACES, 0.0) == plan_weather(Random(1), 600, PLACES, 0.0)


def test_the_long_form_does_everything_and_leaves_a_calm_end() -> None:
    kills, weather = plan_kills(Random(1), 600), plan_weather(Random(1), 600, PLACES, 0.0)

    assert {event.name for event in kills} == NAMES
    assert {window.fault for window in weather} == set(Fault) - {Fault.TOKEN}
    assert max(event.at for event in kills) < 570
    assert max(window.end for window in weather) < 570
    assert [event.at for event in kills] == sorted(event.at for event in kills)


def test_the_short_form_is_over_in_time() -> None:
    kills, weather = plan_kills(Random(1), 40), plan_weather(Random(1), 40, PLACES, 0.0)

    assert 5 < len(kills) < len(NAMES)
    assert {event.name for event in kills} <= NAMES
    assert max(event.at for event in kills) < 32
    assert max(window.end for window in weather) < 40


def test_a_name_narrows_the_kills() -> None:
    assert {event.name for event in plan_kills(Random(1), 600, only="Redis")} == {
        name for name in NAMES if "Redis" in name
    }


def test_the_matrix_has_all_its_rows_and_names_nothing_that_is_not_there() -> None:
    done_by_the_run = NAMES | {"a second relay and beat", "poison orders", "every webhook counted on both sides"}

    assert list(ROWS) == list(range(1, 56))
    assert {name for row in ROWS.values() for name in row.kills} <= done_by_the_run
    assert all(row.kills or row.weather or row.tests or row.why_not for row in ROWS.values())


def test_every_test_that_the_matrix_names_exists() -> None:
    missing = [test for test in named_tests() if not _exists(test)]

    assert missing == []


def _exists(test: str) -> bool:
    path, _, name = test.partition("::")
    file = PROJECT / path
    return file.exists() and f"def {name}(" in file.read_text()


def test_a_row_is_as_good_as_what_was_done_for_it() -> None:
    row = Row("f", "m", kills=("Redis killed",), tests=("tests/a.py::test_b",))
    good, bad = result(), result(lost=True)

    assert describe(row, good, {"tests/a.py::test_b": True}) == (
        ["ok here: Redis killed 2 times", "ok by a.py::test_b"],
        True,
    )
    assert describe(row, good, {"tests/a.py::test_b": False})[1] is False
    assert describe(row, good, {})[1] is False
    assert describe(row, bad, {"tests/a.py::test_b": True})[1] is False
    assert describe(Row("f", "m", kills=("beat killed",)), good, {}) == (["not met in this run"], True)
    assert describe(Row("f", "m", why_not="not shown"), bad, {}) == (["not shown"], True)


def result(*, lost: bool = False) -> Result:
    judgement = Judgement()
    if lost:
        judgement.problems["lost"].append("HP1")
    return Result(Told(), judgement, done=Counter({"Redis killed": 2}), missed=Counter(), played={}, requests=0)
