"""The real PostgreSQL and Redis of the embedded stack: kept, restarted, recovered, and never left behind."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from hubtrack.stack.state import read_pairs
from tests.stack.harness import SERVE, Start, Started, family, stack_command, survivors, wait_until
from tests.stack.questions import answers, ask, connect, pongs, store

pytestmark = pytest.mark.stack

StartServers = Callable[..., Started]


@pytest.fixture
def start_servers(start: Start, data: Path) -> StartServers:
    """Start PostgreSQL and Redis on a data directory and return when both are ready."""

    def start_on(directory: Path = data, **environ: str) -> Started:
        started = start(stack_command("run", "--data", str(directory), "--", *SERVE), environ)
        started.wait_for("serving")
        return started

    return start_on


def _postmaster(data: Path) -> psutil.Process:
    return psutil.Process(int((data / "postgres" / "postmaster.pid").read_text().split()[0]))


def _redis_server(started: Started) -> psutil.Process:
    (found,) = [one for one in family(started.process) if "redis-server" in one.name()]
    return found


def test_a_second_start_finds_the_data_of_the_first(start_servers: StartServers, data: Path) -> None:
    first = start_servers()
    store(data, "HP-1")
    processes = family(first.process)
    first.end()

    start_servers()

    assert survivors(processes) == []
    assert ask(data, "SELECT count(*) FROM conversion WHERE order_id = 'HP-1'") == 1
    assert pongs(data)


def test_a_killed_postgres_comes_back_with_its_data(start_servers: StartServers, data: Path) -> None:
    start_servers()
    store(data, "HP-1")
    with connect(data) as busy:
        backend = psutil.Process(busy.info.backend_pid)
        killed = _postmaster(data)
        backend.suspend()  # it cannot notice the death by itself, and holds the shared memory

        killed.kill()
        wait_until(lambda: answers(data))

        assert ask(data, "SELECT count(*) FROM conversion WHERE order_id = 'HP-1'") == 1
        assert _postmaster(data).pid != killed.pid
        assert survivors([backend]) == []


def test_a_killed_redis_comes_back_at_the_same_address(start_servers: StartServers, data: Path) -> None:
    started = start_servers()
    killed = _redis_server(started)
    assert pongs(data)

    killed.kill()
    killed.wait()
    wait_until(lambda: pongs(data))

    assert pongs(data)
    assert _redis_server(started).pid != killed.pid
    assert answers(data)


def test_a_killed_stack_leaves_nothing_running_and_loses_nothing(start_servers: StartServers, data: Path) -> None:
    first = start_servers()
    store(data, "HP-1")
    processes = family(first.process)
    assert len(processes) > 3
    first.end(signal.SIGKILL)

    start_servers()

    assert survivors(processes) == []
    assert ask(data, "SELECT count(*) FROM conversion WHERE order_id = 'HP-1'") == 1


def test_a_stale_pid_file_that_names_a_living_process_is_no_obstacle(start_servers: StartServers, data: Path) -> None:
    start_servers().end()
    pid_file = data / "postgres" / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{data}/postgres\n1790000000\n20001\n\n127.0.0.1\n\nready\n")

    start_servers()

    assert answers(data)
    assert _postmaster(data).pid != os.getpid()


def test_a_broken_off_initialisation_is_done_again(start_servers: StartServers, data: Path) -> None:
    half = data / "postgres.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    (data / "postgres.password").write_text("of the broken-off start")

    start_servers()

    assert answers(data)
    assert not half.exists()
    assert not (data / "postgres.password").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_servers_and_the_command(
    start_servers: StartServers, data: Path, number: signal.Signals
) -> None:
    started = start_servers()
    processes = family(started.process)

    code = started.end(number)

    assert code == 128 + number
    assert survivors(processes) == []
    log = (data / "logs" / "postgres.log").read_text()
    assert "received fast shutdown request" in log
    assert log.endswith("database system is shut down\n")


def test_two_copies_run_side_by_side(start_servers: StartServers, data: Path) -> None:
    other = data / "other"
    start_servers()
    start_servers(other)

    store(data, "HP-1")
    store(other, "HP-2")

    assert ask(data, "SELECT string_agg(order_id, ',') FROM conversion") == "HP-1"
    assert ask(other, "SELECT string_agg(order_id, ',') FROM conversion") == "HP-2"
    assert read_pairs(data / "env")["REDIS_URL"] != read_pairs(other / "env")["REDIS_URL"]
    assert pongs(data)
    assert pongs(other)


def test_a_second_start_on_the_same_data_is_refused_and_the_first_goes_on(
    start_servers: StartServers, start: Start, data: Path
) -> None:
    first = start_servers()

    second = start(stack_command("run", "--data", str(data), "--", *SERVE))

    assert second.process.wait(60) == 1
    assert second.output() == ""
    refused = f"hubtrack: hubtrack is already running on {data} (pid {first.process.pid})"
    assert second.errors().startswith(refused)
    assert second.errors().count("\n") == 1
    assert answers(data)


def test_the_command_gets_the_addresses_and_its_exit_code_is_ours(start: Start, data: Path) -> None:
    code = "import os, sys; print(os.environ['DATABASE_URL'], os.environ['HUBTRACK_DATA']); sys.exit(7)"

    started = start(stack_command("run", "--data", str(data), "--", sys.executable, "-c", code))

    assert started.process.wait(60) == 7
    assert started.output() == f"{read_pairs(data / 'env')['DATABASE_URL']} {data}\n"
    assert started.errors() == ""


def test_a_command_that_a_signal_ended_is_told_as_a_shell_would(start: Start, data: Path) -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"

    started = start(stack_command("run", "--data", str(data), "--", sys.executable, "-c", code))

    assert started.process.wait(60) == 128 + signal.SIGKILL


def test_given_addresses_are_used_and_nothing_is_embedded(start: Start, data: Path) -> None:
    database, cache = "postgres://someone@db.example.com/hub", "redis://cache.example.com/0"
    code = "import os; print(os.environ['DATABASE_URL'], os.environ['REDIS_URL'])"
    command = stack_command("run", "--data", str(data), "--", sys.executable, "-c", code)

    started = start(command, {"DATABASE_URL": database, "REDIS_URL": cache})

    assert started.process.wait(60) == 0
    assert started.output() == f"{database} {cache}\n"
    assert read_pairs(data / "env")["DATABASE_URL"] == database
    assert not (data / "postgres").exists()
    assert not (data / "redis.conf").exists()
    assert list((data / "logs").iterdir()) == []


def test_data_of_another_major_version_is_not_touched(start: Start, data: Path) -> None:
    (data / "postgres").mkdir()
    (data / "postgres" / "PG_VERSION").write_text("16\n")

    started = start(stack_command("run", "--data", str(data), "--", *SERVE))

    assert started.process.wait(60) == 1
    assert started.errors() == (
        f"hubtrack: {data}/postgres was written by PostgreSQL 16, and this is 18: "
        "dump it with the older checkout and load it here, or name another HUBTRACK_DATA.\n"
    )
    assert [path.name for path in (data / "postgres").iterdir()] == ["PG_VERSION"]
