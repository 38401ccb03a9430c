"""Which redis-server is used and with which settings."""

import shutil
import stat
from pathlib import Path

import pytest

from hubtrack.stack import redis_server
from hubtrack.stack.errors import StackError
from hubtrack.stack.redis_server import find_redis_server, redis_program


def test_the_one_on_the_path_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bundled = tmp_path / "redis-server"
    bundled.touch()
    monkeypatch.setattr(redis_server, "_BUNDLED", bundled)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")

    assert find_redis_server() == "/usr/bin/redis-server"


def test_without_one_the_fetched_binary_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bundled = tmp_path / "redis-server"
    bundled.touch()
    monkeypatch.setattr(redis_server, "_BUNDLED", bundled)
    monkeypatch.setattr(shutil, "which", lambda name: None)

    assert find_redis_server() == str(bundled)


def test_without_any_the_person_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(redis_server, "_BUNDLED", tmp_path / "absent")
    monkeypatch.setattr(shutil, "which", lambda name: None)

    with pytest.raises(StackError) as refused:
        redis_program(tmp_path, 20_001, "word")

    assert str(refused.value) == (
        "There is no redis-server on the PATH: run `make up`, which fetches one, "
        "or install it (apt install redis-server, brew install redis)."
    )


def test_it_listens_on_loopback_with_a_password_and_keeps_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")

    program = redis_program(tmp_path, 20_001, "word")

    settings = tmp_path / "redis.conf"
    assert program.command == ("/usr/bin/redis-server", str(settings))
    assert stat.S_IMODE(settings.stat().st_mode) == 0o600
    assert settings.read_text().splitlines() == [
        "bind 127.0.0.1",
        "port 20001",
        "requirepass word",
        f'dir "{tmp_path}"',
        "daemonize no",
        'save ""',
        "appendonly no",
        "maxmemory-policy noeviction",
        "loglevel warning",
    ]
