"""`manage.py replay_quarantine` asks; the ingest lane reads."""

import pytest
from django.core.management import CommandError, call_command

from tests.pipeline.database import quarantined
from tests.worlds import World


def test_the_command_asks_for_all_that_waits(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.post_webhook(b"[")
    world.post_webhook(b"{", gateway="stripe")

    call_command("replay_quarantine")

    assert capsys.readouterr().out == "2 quarantined deliveries will be read again.\n"
    assert [kept.due_at is not None for kept in quarantined()] == [True, True]


def test_the_command_can_be_narrowed_down(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    for gateway in ("hotmart", "stripe", "stripe"):
        world.post_webhook(b"{", gateway=gateway)
    ids = [str(kept.pk) for kept in quarantined()]

    call_command("replay_quarantine", "--gateway", "stripe", "--id", *ids[:2])
    by_both = [kept.due_at is not None for kept in quarantined()]
    call_command("replay_quarantine", "--gateway", "hotmart")
    by_gateway = [kept.due_at is not None for kept in quarantined()]
    call_command("replay_quarantine", "--id", ids[2], "999999")

    assert by_both == [False, True, False]
    assert by_gateway == [True, True, False]
    assert capsys.readouterr().out.splitlines() == ["1 quarantined deliveries will be read again."] * 3


@pytest.mark.parametrize("arguments", [["--gateway", "nobody"], ["--id", "abc"], ["--id"]])
def test_the_command_refuses_what_it_does_not_know(world: World, arguments: list[str]) -> None:
    world.post_webhook(b"{")

    with pytest.raises(CommandError):
        call_command("replay_quarantine", *arguments)

    assert [kept.due_at for kept in quarantined()] == [None]
