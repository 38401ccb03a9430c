"""The order of the start, with a supervisor that only notes what it is told."""

from pathlib import Path

import pytest

from hubtrack.stack.config import StackConfig, build_environment
from hubtrack.stack.errors import StackError
from hubtrack.stack.logs import LogFiles
from hubtrack.stack.program import Program
from hubtrack.stack.startup import Facts, decide_facts, start_application, start_servers
from hubtrack.stack.state import DataDir, read_pairs
from hubtrack.stack.stopping import StopRequest
from hubtrack.stack.supervisor import Supervisor


class Notes(LogFiles):
    """Keeps what is reported."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.said: list[str] = []

    def report(self, text: str) -> None:
        self.said.append(text)


class NotingSupervisor(Supervisor):
    """Starts nothing; `failing` names the one-shot that fails."""

    def __init__(self, logs: Notes, failing: str = "") -> None:
        super().__init__({}, logs, StopRequest({}))
        self.logs = logs
        self.failing = failing

    def start(self, *programs: Program) -> None:
        self.logs.said.append("+ " + " ".join(program.name for program in programs))

    def run(self, program: Program) -> int:
        self.logs.said.append(f"! {program.name}")
        return 3 if program.name == self.failing else 0


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    (tmp_path / "migrate.log").write_text("no such column\n")
    return Notes(tmp_path)


def _facts(data: Path, **given: str) -> Facts:
    config = StackConfig(data=data, host="127.0.0.1", port=8100, given=given)
    with DataDir(data) as opened:
        return decide_facts(config, opened)


def test_the_schema_comes_first_and_the_engine_last(tmp_path: Path, notes: Notes) -> None:
    start_application(NotingSupervisor(notes), _facts(tmp_path), notes)

    assert notes.said == [
        "! migrate",
        "! static",
        "Database schema and static files ready",
        "+ sandbox",
        "Sandbox ready",
        "+ web",
        "Web ready at http://localhost:8100",
        "+ match dispatch relay beat",
        "Workers, relay and beat started",
    ]


def test_without_a_schema_nothing_is_started(tmp_path: Path, notes: Notes) -> None:
    with pytest.raises(StackError) as refused:
        start_application(NotingSupervisor(notes, failing="migrate"), _facts(tmp_path), notes)

    assert str(refused.value) == (
        "migrate failed with exit code 3. The database keeps what it had: put right what the last lines say "
        "and start again.\n  migrate | no such column"
    )
    assert notes.said == ["! migrate"]


def test_given_servers_are_not_started(tmp_path: Path, notes: Notes) -> None:
    facts = _facts(tmp_path, DATABASE_URL="postgres://db.example.com/hub", REDIS_URL="redis://cache.example.com/0")

    start_servers(NotingSupervisor(notes), facts, notes)

    assert notes.said == []


def test_a_given_database_leaves_only_redis_to_start(
    tmp_path: Path, notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hubtrack.stack.redis_server.find_redis_server", lambda: "/usr/bin/redis-server")

    start_servers(NotingSupervisor(notes), _facts(tmp_path, DATABASE_URL="postgres://db.example.com/hub"), notes)

    assert notes.said == ["+ redis", "Redis ready"]


def test_what_is_decided_is_written_for_outside_programs(tmp_path: Path) -> None:
    facts = _facts(tmp_path, META_GRAPH_URL="https://graph.example.com")

    written = read_pairs(tmp_path / "env")

    assert facts.environment == build_environment(facts.config, facts.secrets, facts.ports)
    assert written["META_GRAPH_URL"] == "https://graph.example.com"
    assert written["PORT"] == "8100"
    assert written == {name: facts.environment[name] for name in written}
    assert {"DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "SANDBOX_URL", "DJANGO_SECRET_KEY"} <= set(written)
    assert "REDIS_PASSWORD" not in written
    assert "SQS_QUEUE_URL_PREFIX" not in written


def test_a_broker_of_the_callers_own_is_written_with_all_it_takes_to_find_its_queues(tmp_path: Path) -> None:
    given = {"CELERY_BROKER_URL": "sqs://", "SQS_QUEUE_URL_PREFIX": "https://sqs.us-east-1.amazonaws.com/1/hubtrack-"}

    _facts(tmp_path, **given)

    written = read_pairs(tmp_path / "env")
    assert {name: written[name] for name in given} == given
