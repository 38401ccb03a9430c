"""What the tests of the flow share."""

from collections.abc import Iterator

import pytest

from tests.pipeline.database import count_everything
from tests.worlds import World


@pytest.fixture
def unchanged(world: World) -> Iterator[None]:
    """Asserts at the end that no table has gained or lost a row."""
    before = count_everything()
    yield
    assert count_everything() == before
