"""PostgreSQL refuses to run as root: then it gets an account of its own, and ways to reach its files."""

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hubtrack.stack.errors import StackError

ACCOUNT_NAME = "pgserver"


@dataclass(frozen=True, slots=True)
class Account:
    """The numbers of a system account."""

    uid: int
    gid: int


def account_for_postgres() -> Account | None:
    """None when the caller's own account will do. Raises `StackError` when root cannot be given another."""
    return _find_or_create_account() if os.geteuid() == 0 else None


def open_way_to(path: Path, report: Callable[[str], None]) -> None:
    """Let every account pass through (not list) the directories above `path`, saying which were opened."""
    for directory in path.resolve().parents:
        mode = directory.stat().st_mode
        if mode & stat.S_IXOTH:
            continue
        try:
            directory.chmod(mode | stat.S_IXOTH)
        except OSError as error:
            raise StackError(
                f"PostgreSQL may not run as root, and its account {ACCOUNT_NAME} cannot pass through "
                f"{directory}: run `chmod o+x {directory}`, or run hubtrack as an ordinary user."
            ) from error
        report(f"Other accounts may now pass through {directory} (o+x), because PostgreSQL may not run as root")


def open_tree(path: Path) -> None:
    """Let every account read what is under `path`, and run what its owner can run."""
    for entry in _walk(path):
        mode = entry.lstat().st_mode
        wanted = mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
        if wanted != mode and not entry.is_symlink():
            entry.chmod(wanted)


def _walk(path: Path) -> Iterator[Path]:
    yield path
    yield from path.rglob("*")


def _find_or_create_account() -> Account:
    with suppress(KeyError):
        return _find_account()
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd is None:
        raise StackError(
            "PostgreSQL may not run as root, and this machine has no useradd to make the account "
            f"{ACCOUNT_NAME}: create it yourself, or run hubtrack as an ordinary user."
        )
    made = subprocess.run(
        [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT_NAME],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        return _find_account()  # another stack may have made it at the same moment
    except KeyError:
        raise StackError(
            f"PostgreSQL may not run as root, and the account {ACCOUNT_NAME} could not be made "
            f"({made.stderr.strip()}): create it yourself, or run hubtrack as an ordinary user."
        ) from None


def _find_account() -> Account:
    entry = pwd.getpwnam(ACCOUNT_NAME)
    return Account(entry.pw_uid, entry.pw_gid)
