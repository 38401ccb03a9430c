"""The calendar of Graph API versions."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.sandbox.meta.validation import examine_call
from apps.sandbox.meta.versions import ENDS, LATEST
from tests.sandbox.samples import NOW, make_call, make_event


@pytest.mark.parametrize("version", ["v21.0", "v22.0", "v23.0", "v24.0", "v25.0", "v26.0"])
def test_these_versions_answer_in_november_2026(version: str) -> None:
    assert examine_call(make_call(make_event(NOW), version=version)).refusal is None


@pytest.mark.parametrize("version", ["v19.0", "v27.0", "v26", "v26.1", "26.0", "V26.0", "latest", "v26.0 ", "v٢٦.0"])
def test_a_version_that_never_was_is_a_part_of_the_path(version: str) -> None:
    examined = examine_call(make_call(make_event(NOW), version=version))

    assert examined.refusal is not None
    assert (examined.refusal.code, examined.refusal.subcode, examined.refusal.status) == (2500, None, 400)
    assert examined.refusal.message == f"Unknown path components: /{version}"
    assert examined.events == ()


@pytest.mark.parametrize(("version", "end"), [(version, end) for version, end in ENDS.items() if end])
def test_a_version_answers_until_its_day(version: str, end: datetime) -> None:
    last, late = end - timedelta(seconds=1), end

    on_time = examine_call(make_call(make_event(last), version=version, received_at=last))
    too_late = examine_call(make_call(make_event(late), version=version, received_at=late))

    assert on_time.refusal is None
    assert too_late.refusal is not None
    assert (too_late.refusal.code, too_late.refusal.status) == (2635, 400)
    assert too_late.refusal.message == f"(#2635) {version} is no longer served. Change to v26.0."


def test_the_ends_that_decide_designs_are_these() -> None:
    assert ENDS["v20.0"] == datetime(2026, 9, 24, tzinfo=UTC)
    assert ENDS["v21.0"] == datetime(2027, 1, 21, tzinfo=UTC)
    assert ENDS[LATEST] is None


def test_a_dead_version_is_told_before_a_dead_token() -> None:
    refusal = examine_call(make_call(make_event(NOW), version="v20.0", authorization="Bearer expired")).refusal

    assert refusal is not None
    assert refusal.code == 2635
