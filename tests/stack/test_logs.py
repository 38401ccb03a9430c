"""Output in the terminal and in files."""

import io
import os
import re
import stat
from pathlib import Path

import pytest

from hubtrack.stack.logs import LogFiles, Logs, LogStream


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _say(logs: Logs, name: str, text: bytes) -> None:
    with os.fdopen(logs.open(name), "wb") as output:
        output.write(text)
    logs.wait(0)
    logs.wait(0)


def test_each_line_of_a_process_is_one_prefixed_line() -> None:
    output = io.StringIO()
    logs = LogStream(output)

    _say(logs, "web", b"first\nsecond\n")
    _say(logs, "dispatch", b"without an end")
    logs.report("Web ready")

    lines = [re.sub(r"^\d\d:\d\d:\d\d ", "", line) for line in output.getvalue().splitlines()]
    assert lines == [
        "web      | first",
        "web      | second",
        "dispatch | without an end",
        "stack    | Web ready",
    ]


def test_bytes_that_are_no_text_are_still_shown() -> None:
    output = io.StringIO()

    _say(LogStream(output), "web", b"caf\xe9\n")

    assert output.getvalue().endswith("| caf\N{REPLACEMENT CHARACTER}\n")


def test_a_pipe_gets_no_colour() -> None:
    output = io.StringIO()

    _say(LogStream(output), "web", b"line\n")

    assert "\033" not in output.getvalue()


def test_on_a_terminal_each_name_keeps_a_colour_of_its_own() -> None:
    output = _Terminal()
    logs = LogStream(output)

    _say(logs, "web", b"one\n")
    _say(logs, "relay", b"two\n")
    _say(logs, "web", b"three\n")

    web, relay, web_again = re.findall(r"\033\[0m\033\[([0-9;]+)m", output.getvalue())
    assert web == web_again
    assert web != relay


def test_a_line_is_shown_when_it_has_ended() -> None:
    output = io.StringIO()
    logs = LogStream(output)
    descriptor = logs.open("web")

    os.write(descriptor, b"one, t")
    logs.wait(0)
    before = output.getvalue()
    os.write(descriptor, b"wo\nthree")
    logs.wait(0)
    os.close(descriptor)
    logs.wait(0)

    assert before == ""
    assert [line.split("| ")[1] for line in output.getvalue().splitlines()] == ["one, two", "three"]


@pytest.mark.parametrize("text", [b"a\x0cb\n", b"a\x85b\n", "a\u2028b\n".encode(), b"a\rb\n"])
def test_other_line_ends_do_not_make_a_second_line(text: bytes) -> None:
    output = io.StringIO()

    _say(LogStream(output), "web", text)

    assert len(output.getvalue().splitlines()) == 1


def test_an_empty_line_stays_a_line() -> None:
    output = io.StringIO()

    _say(LogStream(output), "web", b"above\n\nbelow\n")

    assert [line.split("|")[1] for line in output.getvalue().splitlines()] == [" above", " ", " below"]


def test_what_was_written_last_is_shown_at_the_end() -> None:
    output = io.StringIO()
    logs = LogStream(output)
    descriptor = logs.open("web")
    os.write(descriptor, b"bye\n")
    os.close(descriptor)

    logs.close()

    assert output.getvalue().endswith("| bye\n")


def test_the_end_does_not_wait_for_who_keeps_an_output_open() -> None:
    output = io.StringIO()
    logs = LogStream(output)
    descriptor = logs.open("web")
    os.write(descriptor, b"here\n")

    logs.close()

    assert output.getvalue().endswith("| here\n")
    with pytest.raises(BrokenPipeError):
        os.write(descriptor, b"there\n")
    os.close(descriptor)


def test_a_file_is_emptied_at_the_first_opening_only(tmp_path: Path) -> None:
    (tmp_path / "web.log").write_text("of the last start\n")
    logs = LogFiles(tmp_path)

    _say(logs, "web", b"started\n")
    _say(logs, "web", b"restarted\n")

    assert (tmp_path / "web.log").read_text() == "started\nrestarted\n"


def test_only_the_owner_can_read_a_log(tmp_path: Path) -> None:
    _say(LogFiles(tmp_path), "web", b"started\n")

    assert stat.S_IMODE((tmp_path / "web.log").stat().st_mode) == 0o600


def test_the_tail_is_the_last_twenty_lines(tmp_path: Path) -> None:
    logs = LogFiles(tmp_path)
    _say(logs, "web", b"".join(b"%d\n" % number for number in range(50)))

    assert logs.tail("web") == [str(number) for number in range(30, 50)]


def test_progress_tells_the_seconds_since_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([100.0, 102.34])
    monkeypatch.setattr("hubtrack.stack.logs.time.monotonic", lambda: next(clock))
    progress = io.StringIO()

    LogFiles(tmp_path, progress).report("PostgreSQL 18 ready")

    assert progress.getvalue() == "   2.3 s  PostgreSQL 18 ready\n"


def test_without_a_place_for_progress_nothing_is_said(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    LogFiles(tmp_path).report("PostgreSQL 18 ready")

    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []
