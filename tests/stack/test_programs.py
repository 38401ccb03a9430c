"""The table of processes, as a person would read it with `ps`."""

import signal
import sys
from pathlib import Path

from hubtrack.stack import programs
from hubtrack.stack.config import PROJECT, read_config
from hubtrack.stack.program import Program


def _words(program: Program) -> str:
    executable, *words = program.command
    assert executable == sys.executable
    return " ".join(words)


def test_the_web_process_serves_the_hub_where_the_caller_wants_it() -> None:
    config = read_config({"PORT": "8100", "HOST": "0.0.0.0"})

    web = programs.web(config, {"ALLOWED_HOSTS": "localhost"})

    assert _words(web) == (
        "-m granian --interface asgi --loop uvloop --host 0.0.0.0 --port 8100 "
        "--workers 2 --no-ws --no-access-log --log-level warning --respawn-failed-workers "
        "--respawn-interval 0.5 --workers-kill-timeout 10 hubtrack.asgi:application"
    )
    assert web.death_signal is signal.SIGTERM


def test_the_sandbox_has_a_process_and_a_port_of_its_own() -> None:
    words = _words(programs.sandbox(20_003))

    assert words.startswith("-m granian --interface asgi --loop uvloop --host 127.0.0.1 --port 20003 ")
    assert "--workers 1 " in words
    assert words.endswith(" hubtrack.sandbox_asgi:application")


def test_the_engine_is_two_workers_a_relay_and_beat() -> None:
    assert [(program.name, _words(program)) for program in programs.engine()] == [
        (
            "match",
            "-m celery -A hubtrack worker -P threads -c 2 -Q ingest-events,match-events "
            "-n match@%h --without-gossip --without-mingle --loglevel WARNING",
        ),
        (
            "dispatch",
            "-m celery -A hubtrack worker -P threads -c 16 -Q capi-dispatch "
            "-n dispatch@%h --without-gossip --without-mingle --loglevel WARNING",
        ),
        ("relay", "manage.py relay"),
        (
            "beat",
            "-m celery -A hubtrack beat --pidfile= --loglevel WARNING "
            "--scheduler django_celery_beat.schedulers:DatabaseScheduler",
        ),
    ]


def test_every_process_of_the_hub_runs_in_the_project_and_in_its_own_session() -> None:
    config = read_config({})
    table = [programs.sandbox(1), programs.web(config, {"ALLOWED_HOSTS": ""}), *programs.engine()]

    assert {program.directory for program in table} == {PROJECT}
    assert all(program.own_session and not program.attached for program in table)


def test_the_schema_and_the_static_files_come_from_django() -> None:
    assert _words(programs.migrate()) == "manage.py migrate --noinput"
    assert _words(programs.collect_static()) == "manage.py collectstatic --noinput --verbosity 0"


def test_the_callers_command_has_the_terminal(tmp_path: Path) -> None:
    command = programs.callers_command(("pytest", "-q"), tmp_path)

    assert command.command == ("pytest", "-q")
    assert command.directory == tmp_path
    assert command.attached
    assert not command.own_session
    assert command.stop_signal is signal.SIGINT
