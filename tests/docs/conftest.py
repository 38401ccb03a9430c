"""A stand-in for the hub, before which the example client runs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.client import StandIn, client


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    stand_in = StandIn(tmp_path / "hubtrack.sqlite3")
    monkeypatch.setattr(client.urllib.request, "urlopen", stand_in.urlopen)
    yield stand_in
    stand_in.close()
