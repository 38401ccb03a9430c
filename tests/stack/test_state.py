"""The data directory: what is generated once, what is private, what is chosen again, and the lock."""

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from hubtrack.stack.errors import StackError
from hubtrack.stack.state import DataDir, is_free, read_pairs, write_pairs


@pytest.fixture
def data(tmp_path: Path) -> Iterator[DataDir]:
    with DataDir(tmp_path / "data") as opened:
        yield opened


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_secrets_are_generated_once_and_kept(tmp_path: Path) -> None:
    with DataDir(tmp_path / "data") as data:
        made = data.load_secrets()

    with DataDir(tmp_path / "data") as data:
        kept = data.load_secrets()

    assert kept == made
    assert sorted(made) == [
        "DJANGO_SECRET_KEY",
        "HUBTRACK_SECRET_KEYS",
        "POSTGRES_ADMIN_PASSWORD",
        "POSTGRES_PASSWORD",
        "REDIS_PASSWORD",
    ]
    assert len(set(made.values())) == 5


def test_two_data_directories_have_different_secrets(tmp_path: Path) -> None:
    with DataDir(tmp_path / "one") as one, DataDir(tmp_path / "other") as other:
        assert not set(one.load_secrets().values()) & set(other.load_secrets().values())


def test_the_encryption_key_is_a_fernet_key(data: DataDir) -> None:
    key = Fernet(data.load_secrets()["HUBTRACK_SECRET_KEYS"])

    assert key.decrypt(key.encrypt(b"token")) == b"token"


def test_a_secret_that_is_missing_is_added_and_the_others_stay(data: DataDir) -> None:
    made = data.load_secrets()
    write_pairs(data.path / "secrets", {name: made[name] for name in made if name != "REDIS_PASSWORD"})

    completed = data.load_secrets()

    assert completed["REDIS_PASSWORD"] != made["REDIS_PASSWORD"]
    assert {**completed, "REDIS_PASSWORD": ""} == {**made, "REDIS_PASSWORD": ""}


def test_only_the_owner_can_read_secrets_and_environment(data: DataDir) -> None:
    data.load_secrets()
    data.write_env({"DATABASE_URL": "postgres://hubtrack:word@127.0.0.1:20001/hubtrack"})

    assert _mode(data.path / "secrets") == 0o600
    assert _mode(data.path / "env") == 0o600
    assert read_pairs(data.path / "env") == {"DATABASE_URL": "postgres://hubtrack:word@127.0.0.1:20001/hubtrack"}


def test_pairs_keep_equal_signs_in_values_and_skip_other_lines(tmp_path: Path) -> None:
    path = tmp_path / "pairs"
    path.write_text("KEY=a=b==\n\nno pair\n")

    assert read_pairs(path) == {"KEY": "a=b=="}


def test_a_file_that_does_not_exist_holds_no_pairs(tmp_path: Path) -> None:
    assert read_pairs(tmp_path / "absent") == {}


def test_ports_are_kept_distinct_and_outside_the_range_for_outgoing_connections(data: DataDir) -> None:
    ports = data.claim_ports(["postgres", "redis", "sandbox"])

    assert data.claim_ports(["postgres", "redis", "sandbox"]) == ports
    assert len(set(ports.values())) == 3
    assert all(20_000 <= port < 32_000 for port in ports.values())


def test_a_port_that_another_program_took_is_chosen_again(data: DataDir) -> None:
    before = data.claim_ports(["postgres", "redis"])

    with socket.create_server(("127.0.0.1", before["redis"])):
        after = data.claim_ports(["postgres", "redis"])

    assert after["redis"] != before["redis"]
    assert after["postgres"] == before["postgres"]
    assert data.claim_ports(["postgres", "redis"]) == after


def test_a_listener_makes_its_port_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not is_free("127.0.0.1", port)

    assert is_free("127.0.0.1", port)


def test_a_second_holder_of_the_directory_is_told_who_has_it(data: DataDir) -> None:
    pid = os.getpid()

    with pytest.raises(StackError) as refused:
        DataDir(data.path)

    assert str(refused.value) == (
        f"hubtrack is already running on {data.path} (pid {pid}): stop it with Ctrl-C there or "
        f"`kill {pid}`, or start a second copy with `HUBTRACK_DATA=.hubtrack2 PORT=8001 make up`."
    )
    assert (data.path / "lock").read_text() == f"{pid}\n"


def test_the_lock_of_an_ended_process_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("1\n")

    with DataDir(tmp_path):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_a_path_that_cannot_be_a_directory_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StackError) as refused:
        DataDir(tmp_path / "file" / "data")

    assert str(refused.value) == (
        f"The data directory {tmp_path}/file/data cannot be used (Not a directory): make it writable "
        "for you, or name another, for example HUBTRACK_DATA=/var/tmp/hubtrack."
    )
