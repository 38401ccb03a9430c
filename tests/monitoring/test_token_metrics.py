"""Gauges of tokens and of versions that end."""

from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client.metrics_core import Metric

from apps.funnels.models import Destination
from apps.funnels.services import replace_token
from apps.monitoring import tokens
from apps.tenants.scoping import unscoped
from tests.dispatch.test_canary_versions import publish
from tests.dispatch.test_token_watch import add_destination
from tests.dispatch.tokens import ask, debug, in_days
from tests.platforms import ScriptedPlatform
from tests.worlds import World


def values(metrics: Any) -> dict[tuple[str, ...], float]:
    (metric,) = metrics
    assert isinstance(metric, Metric)
    return {tuple(sample.labels.values()): sample.value for sample in metric.samples}


def by_state() -> dict[str, float]:
    return {state: value for (state,), value in values(tokens.collect_tokens()).items()}


def test_every_destination_is_in_one_state(world: World, platform: ScriptedPlatform) -> None:
    answers = {
        "dead": debug(is_valid=False),
        "soon": debug(expires_at=in_days(0.5)),
        "late": debug(expires_at=in_days(9)),
    }
    for name in answers:
        add_destination(world, name, name)
    add_destination(world, "C4D2", "t", platform="tiktok")
    platform.judge_path = lambda path: answers.get(path.rpartition("=")[2], debug())
    before = by_state()
    ask()

    assert before == {"invalid": 0, "expiring": 0, "expires": 0, "never": 0, "unknown": 5}
    assert by_state() == {"invalid": 1, "expiring": 1, "expires": 1, "never": 1, "unknown": 1}


@pytest.mark.usefixtures("world")
def test_nothing_is_known_of_a_token_that_was_just_saved(platform: ScriptedPlatform) -> None:
    platform.answers = [debug(is_valid=False)]
    ask()
    with unscoped():
        replace_token(Destination.objects.get(), "a-new-token")

    assert by_state()["unknown"] == 1


def test_days_are_left_where_an_end_is_announced(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(world, api_version="v21.0", canary_version="v20.0", canary_percent=1)
    monkeypatch.setattr(tokens, "database_now", lambda: datetime(2026, 11, 22, tzinfo=UTC))

    assert values(tokens.collect_versions()) == {("meta", "v21.0"): 60.0, ("meta", "v20.0"): -59.0}


def test_the_page_shows_both(world: World) -> None:
    page = world.client.get("/metrics").content.decode()

    assert 'hubtrack_tokens{state="unknown"} 1.0' in page
    assert "# TYPE hubtrack_api_version_days_left gauge" in page
