"""`make chaos` in short: a few hundred sales, the kills that heal quickly, some bad weather, the same judgement."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.run import Plan, run

pytestmark = pytest.mark.stack


@pytest.fixture
def data() -> Iterator[Path]:
    """One that PostgreSQL's own account can reach, unlike pytest's temporary ones under root."""
    directory = Path(tempfile.mkdtemp(prefix="hubtrack-test-"))
    yield directory
    shutil.rmtree(directory)


def test_nothing_is_lost_or_doubled_while_everything_dies(data: Path) -> None:
    result = run(Plan(sales=400, minutes=0.35, tenants=1, funnels_each=4, patience_s=180.0), data)

    told, judgement = result.told, result.judgement
    assert list(judgement.describe()) == []
    assert result.ledger == []
    assert len(told.orders) == 400
    assert judgement.figures["accepted"] > 400
    assert {name for name, times in result.done.items() if times} >= {"dispatch killed", "PostgreSQL stopped at once"}
    assert sum(result.deaths.values()) >= 5
    assert result.played
