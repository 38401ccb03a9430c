"""The calendar of versions, who uses which, and the alarms before one ends."""

import io
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.core.redis import RedisError, get_redis
from apps.dispatch.management.commands import check_versions
from apps.dispatch.models import Breaker
from apps.dispatch.registry import CALENDARS, PLATFORMS
from apps.dispatch.services.targets import default_version
from apps.dispatch.versions import services
from apps.dispatch.versions.calendar import Calendar, mark_reached
from apps.dispatch.versions.selectors import VersionInUse, find_ending, find_versions_in_use
from apps.sandbox.meta import versions as sandbox
from apps.tenants.scoping import unscoped
from tests.logs import capture_logs
from tests.worlds import PIXEL, World

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
META = CALENDARS["meta"]


def use_version(world: World, version: str, **changes: Any) -> None:
    destination = {"platform": "meta", "pixel_id": PIXEL, "api_version": version, **changes}
    world.patch(f"funnels/{world.funnel.pk}", {"destinations": [destination]})
    assert world.post(f"funnels/{world.funnel.pk}/publish").status_code == 200


@pytest.fixture(autouse=True)
def _forget_alarms() -> None:
    for key in get_redis().scan_iter("version:alarm:*"):
        get_redis().delete(key)


def today(monkeypatch: pytest.MonkeyPatch, now: datetime = NOW) -> None:
    for module in (services, check_versions):
        monkeypatch.setattr(module, "database_now", lambda: now)


def check() -> tuple[list[VersionInUse], list[Any]]:
    with capture_logs() as lines, unscoped():
        ending = services.check_versions()
    return ending, [line for line in lines if line["event"] == "version.ends"]


def test_the_hub_and_its_stand_in_agree_on_the_dates() -> None:
    assert META.ends == sandbox.ENDS
    assert META.newest == sandbox.LATEST


def test_every_platforms_own_version_is_in_its_calendar() -> None:
    for platform, calendar in CALENDARS.items():
        assert calendar.is_known(PLATFORMS[platform].resolve(base_url="", api_version="")[1])
        assert calendar.source.startswith("https://")


@pytest.mark.parametrize(
    ("left", "mark"),
    [
        (61 * DAY, None),
        (60 * DAY + SECOND, None),
        (60 * DAY, 60),
        (30 * DAY + SECOND, 60),
        (30 * DAY, 30),
        (7 * DAY, 7),
        (SECOND, 7),
        (timedelta(0), 0),
        (-99 * DAY, 0),
    ],
)
def test_the_marks(left: timedelta, mark: int | None) -> None:
    assert mark_reached(NOW + left, NOW) == mark


def test_without_an_end_there_is_no_mark() -> None:
    assert mark_reached(None, NOW) is None


def test_a_version_is_gone_from_its_end_on() -> None:
    end = META.ends["v21.0"]
    assert end is not None

    assert not META.is_gone("v21.0", end - SECOND)
    assert META.is_gone("v21.0", end)
    assert not META.is_gone("v26.0", end + 999 * DAY)
    assert not META.is_gone("v99.0", end)


def test_a_calendar_grows_old() -> None:
    calendar = Calendar(ends={"v1": None}, source="https://example.com", read_on=date(2026, 11, 22))

    assert not calendar.is_stale(NOW + 180 * DAY)
    assert calendar.is_stale(NOW + 181 * DAY)


def test_the_hubs_own_version_counts_even_if_nobody_uses_it(world: World, settings: Any) -> None:
    settings.META_API_VERSION = "v22.0"
    use_version(world, "v21.0")

    found = {(use.platform, use.version): use for use in find_versions_in_use(NOW)}

    assert set(found) == {("meta", "v21.0"), ("meta", "v22.0"), ("tiktok", "v1.3")}
    assert (found["meta", "v21.0"].destinations, found["meta", "v21.0"].is_default) == (1, False)
    assert (found["meta", "v22.0"].destinations, found["meta", "v22.0"].is_default) == (0, True)
    assert found["tiktok", "v1.3"].days_left(NOW) is None


def test_drafts_do_not_count_and_canaries_do(world: World) -> None:
    use_version(world, "", canary_version="v25.0", canary_percent=5)
    world.patch(
        f"funnels/{world.funnel.pk}",
        {"destinations": [{"platform": "meta", "pixel_id": PIXEL, "api_version": "v21.0"}]},
    )

    found = {use.version: use.destinations for use in find_versions_in_use(NOW) if use.platform == "meta"}

    assert found == {"v25.0": 1, "v26.0": 1}


def test_a_version_published_before_there_were_canaries_is_read(world: World) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE funnels_funnelversion SET config = jsonb_set(config, '{destinations,0}',"
            " (config->'destinations'->0) - 'canary_version' - 'canary_percent')"
        )

    assert [use.destinations for use in find_versions_in_use(NOW) if use.platform == "meta"] == [1]


@pytest.mark.usefixtures("world")
def test_versions_in_use_are_found_in_one_statement() -> None:
    with CaptureQueriesContext(connection) as queries:
        find_versions_in_use(NOW)

    assert len(queries) == 1


def test_an_end_in_sixty_days_is_told_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    use_version(world, "v21.0")
    today(monkeypatch)

    ending, first = check()
    _again, second = check()

    assert [(use.platform, use.version, use.mark) for use in ending] == [("meta", "v21.0", 60)]
    assert [(line["log_level"], line["version"], line["count"], line["rows"], line["reason"]) for line in first] == [
        ("error", "v21.0", 59, 1, "within_60_days")
    ]
    assert second == []


@pytest.mark.parametrize(
    ("left", "reason"), [(29, "within_30_days"), (6, "within_7_days"), (0, "ended"), (-30, "ended")]
)
def test_each_mark_is_told_anew(world: World, monkeypatch: pytest.MonkeyPatch, left: int, reason: str) -> None:
    use_version(world, "v21.0")
    today(monkeypatch)
    check()
    end = META.ends["v21.0"]
    assert end is not None

    today(monkeypatch, end - left * DAY)
    _ending, told = check()

    assert [line["reason"] for line in told] == [reason]


def test_far_from_any_end_nothing_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    use_version(world, "v23.0")
    today(monkeypatch)

    assert check() == ([], [])


def test_the_end_of_the_hubs_own_version_is_told(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.META_API_VERSION = "v20.0"
    today(monkeypatch)

    _ending, told = check()

    assert [(line["version"], line["reason"], line["rows"]) for line in told] == [("v20.0", "ended", 1)]


def test_without_redis_it_is_told_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> Any:
        raise RedisError

    use_version(world, "v21.0")
    today(monkeypatch)
    monkeypatch.setattr(services, "get_redis", gone)

    assert [len(told) for _ending, told in (check(), check())] == [1, 1]


@pytest.mark.usefixtures("world")
def test_an_old_calendar_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    today(monkeypatch, datetime(2027, 8, 1, tzinfo=UTC))

    with capture_logs() as lines, unscoped():
        services.check_versions()

    old = [(line["platform"], line["reason"]) for line in lines if line["event"] == "versions.calendar_is_old"]
    assert old == [("meta", "2026-11-22"), ("tiktok", "2026-11-22")]


def test_a_refused_version_is_forgotten_once_nobody_names_it(world: World) -> None:
    use_version(world, "", canary_version="v27.0", canary_percent=50)
    with unscoped():
        destination = world.funnel.destinations.get()
        Breaker.objects.create(
            tenant_id=world.tenant_id,
            destination=destination,
            token_saved_at=destination.token_saved_at,
            refused_version="v27.0",
        )
    check()
    with unscoped():
        kept = Breaker.objects.get().refused_version
    use_version(world, "", canary_version="", canary_percent=0)
    check()

    with unscoped():
        assert (kept, Breaker.objects.get().refused_version) == ("v27.0", "")


def test_a_default_that_ended_unnoticed_gives_way_to_the_newest(settings: Any) -> None:
    settings.META_API_VERSION = "v20.0"

    assert default_version("meta", NOW) == "v26.0"
    assert default_version("tiktok", NOW) == "v1.3"
    assert default_version("http", NOW) == ""


def run_command() -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command("check_versions", stdout=out)
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue()
    return 0, out.getvalue()


def test_the_command_shows_who_uses_what(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    today(monkeypatch)
    use_version(world, "v99.0", canary_version="v23.0", canary_percent=1)

    code, printed = run_command()

    assert code == 0
    assert [line.split() for line in printed.splitlines()[:4]] == [
        ["meta", "v23.0", "1", "destinations", "ends", "2027-10-08,", "in", "319", "days"],
        ["meta", "v26.0", "0", "destinations,", "the", "hub's", "own", "no", "end", "announced"],
        ["meta", "v99.0", "1", "destinations", "not", "in", "the", "calendar"],
        ["tiktok", "v1.3", "0", "destinations,", "the", "hub's", "own", "no", "end", "announced"],
    ]
    assert "meta: read on 2026-11-22 from https://developers.facebook.com/docs/graph-api/changelog" in printed


def test_the_command_fails_where_one_has_ended(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    today(monkeypatch)
    use_version(world, "v20.0")

    code, printed = run_command()

    assert code == 1
    assert "ended 2026-09-24" in printed.splitlines()[0]


def test_only_what_ends_is_an_alarm(world: World) -> None:
    use_version(world, "v21.0")

    assert [(use.version, use.mark) for use in find_ending(NOW)] == [("v21.0", 60)]
    assert find_ending(NOW - 10 * DAY) == []
