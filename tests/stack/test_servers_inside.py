"""The servers' settings, rights and silence, asked of one running stack."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from hubtrack.stack.state import read_pairs
from tests.stack import harness
from tests.stack.harness import SERVE, stack_command
from tests.stack.questions import ask, connect, store

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def running() -> Iterator[Path]:
    """The data directory of a stack that serves this module's tests."""
    data = Path(tempfile.mkdtemp(prefix="hubtrack-test-"))
    (data / "said").mkdir()
    started = harness.start(stack_command("run", "--data", str(data), "--", *SERVE), data / "said")
    try:
        started.wait_for("serving")
        yield data
    finally:
        started.end()
        shutil.rmtree(data)


def _password(data: Path) -> str:
    return read_pairs(data / "env")["DATABASE_URL"].split(":")[2].split("@")[0]


def test_the_server_is_durable_in_utc_and_utf8(running: Path) -> None:
    expected = {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "data_checksums": "on",
        "timezone": "UTC",
        "server_encoding": "UTF8",
        "max_connections": "100",
        "idle_in_transaction_session_timeout": "30s",
    }

    assert {name: ask(running, f"SHOW {name}") for name in expected} == expected
    assert ask(running, "SELECT upper('ação')") == "AÇÃO"


def test_the_role_may_create_databases_but_is_not_the_owner_of_everything(running: Path) -> None:
    assert ask(running, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
    assert ask(running, "SELECT rolcreatedb FROM pg_roles WHERE rolname = current_user") is True


def test_vectors_work_in_the_database_and_in_those_made_for_tests(running: Path) -> None:
    with connect(running) as connection:
        connection.execute("CREATE DATABASE test_hubtrack")

    with psycopg.connect(read_pairs(running / "env")["DATABASE_URL"], dbname="test_hubtrack") as connection:
        assert connection.execute("SELECT '[1,2]'::vector <-> '[1,4]'::vector").fetchone() == (2.0,)
    assert ask(running, "SELECT '[1,2]'::vector <-> '[1,3]'::vector") == 1.0


def test_nobody_enters_the_database_without_the_password(running: Path) -> None:
    url = read_pairs(running / "env")["DATABASE_URL"]

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url.replace(_password(running), "wrong"))


def test_nobody_enters_redis_without_the_password(running: Path) -> None:
    url = read_pairs(running / "env")["REDIS_URL"]
    password = url.split(":")[2].split("@")[0]

    with (
        redis.Redis.from_url(url.replace(password, "wrong")) as client,
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()


def test_redis_keeps_nothing_on_disk_and_refuses_rather_than_forgets(running: Path) -> None:
    with redis.Redis.from_url(read_pairs(running / "env")["REDIS_URL"], decode_responses=True) as client:
        settings = {name: client.config_get(name)[name] for name in ("save", "appendonly", "maxmemory-policy", "bind")}

    assert settings == {"save": "", "appendonly": "no", "maxmemory-policy": "noeviction", "bind": "127.0.0.1"}


def test_personal_data_in_an_error_does_not_reach_the_log(running: Path) -> None:
    canary = "maria.canary@example.com"
    store(running, canary)

    with pytest.raises(psycopg.errors.UniqueViolation):
        store(running, canary)
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        ask(running, f"SELECT '{canary}'::integer")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(read_pairs(running / "env")["DATABASE_URL"], dbname="no_such_database")

    log = (running / "logs" / "postgres.log").read_text()
    assert 'FATAL:  database "no_such_database" does not exist' in log
    assert canary not in log
