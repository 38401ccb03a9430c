"""Root's PostgreSQL: an account of its own and ways to its files."""

import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

from hubtrack.stack import accounts
from hubtrack.stack.accounts import Account, account_for_postgres, open_tree, open_way_to
from hubtrack.stack.errors import StackError


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _no_such_account(_name: str) -> NoReturn:
    raise KeyError


def test_an_ordinary_user_needs_no_other_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(pwd, "getpwnam", _no_such_account)

    assert account_for_postgres() is None


def test_root_uses_the_account_that_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = pwd.struct_passwd((accounts.ACCOUNT_NAME, "x", 991, 992, "", "/", "/usr/sbin/nologin"))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(pwd, "getpwnam", {accounts.ACCOUNT_NAME: entry}.__getitem__)

    assert account_for_postgres() == Account(uid=991, gid=992)


def test_root_without_useradd_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(pwd, "getpwnam", _no_such_account)
    monkeypatch.setattr(shutil, "which", lambda _name, path: None)

    with pytest.raises(StackError) as refused:
        account_for_postgres()

    assert str(refused.value) == (
        "PostgreSQL may not run as root, and this machine has no useradd to make the account pgserver: "
        "create it yourself, or run hubtrack as an ordinary user."
    )


def test_an_account_that_cannot_be_made_is_told_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    useradd = tmp_path / "useradd"
    useradd.write_text("#!/bin/sh\necho 'useradd: cannot lock /etc/passwd' >&2\nexit 1\n")
    useradd.chmod(0o755)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(pwd, "getpwnam", _no_such_account)
    monkeypatch.setattr(shutil, "which", lambda _name, path: str(useradd))

    with pytest.raises(StackError) as refused:
        account_for_postgres()

    assert str(refused.value) == (
        "PostgreSQL may not run as root, and the account pgserver could not be made "
        "(useradd: cannot lock /etc/passwd): create it yourself, or run hubtrack as an ordinary user."
    )


def test_the_account_is_made_without_home_or_shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    called = tmp_path / "called"
    useradd = tmp_path / "useradd"
    useradd.write_text(f'#!/bin/sh\necho "$@" > {called}\n')
    useradd.chmod(0o755)
    entry = pwd.struct_passwd((accounts.ACCOUNT_NAME, "x", 991, 992, "", "/", "/usr/sbin/nologin"))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda _name, path: str(useradd))
    monkeypatch.setattr(pwd, "getpwnam", lambda name: entry if called.exists() else _no_such_account(name))

    assert account_for_postgres() == Account(uid=991, gid=992)

    assert called.read_text() == "--system --no-create-home --shell /usr/sbin/nologin pgserver\n"


def test_closed_directories_on_the_way_are_opened_for_passing_only(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    target = closed / "target"
    target.mkdir(parents=True)
    target.chmod(0o700)
    closed.chmod(0o700)
    tmp_path.chmod(0o711)
    said: list[str] = []

    open_way_to(target, said.append)

    assert _mode(closed) == 0o701
    assert _mode(target) == 0o700
    assert [line for line in said if str(closed) in line] == [
        f"Other accounts may now pass through {closed} (o+x), because PostgreSQL may not run as root"
    ]


def test_an_open_way_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "open" / "target"
    target.mkdir(parents=True)
    open_way_to(target, lambda _text: None)
    (tmp_path / "open").chmod(0o751)
    said: list[str] = []

    open_way_to(target, said.append)

    assert said == []
    assert _mode(tmp_path / "open") == 0o751


def test_a_way_that_cannot_be_opened_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = tmp_path / "closed"
    (closed / "target").mkdir(parents=True)
    closed.chmod(0o700)

    def refuse(_path: Path, _mode: int) -> NoReturn:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refuse)

    with pytest.raises(StackError) as refused:
        open_way_to(closed / "target", lambda _text: None)

    assert str(refused.value) == (
        f"PostgreSQL may not run as root, and its account pgserver cannot pass through {closed}: "
        f"run `chmod o+x {closed}`, or run hubtrack as an ordinary user."
    )


def test_a_tree_is_opened_for_reading_and_its_programs_for_running(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir(mode=0o700)
    for name, mode in (("bin/postgres", 0o700), ("library", 0o600), ("open", 0o644)):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(mode)

    open_tree(tmp_path)

    assert _mode(tmp_path / "bin") == 0o705
    assert _mode(tmp_path / "bin/postgres") == 0o705
    assert _mode(tmp_path / "library") == 0o604
    assert _mode(tmp_path / "open") == 0o644


def test_a_tree_opens_nothing_that_its_links_point_to(tmp_path: Path) -> None:
    outside, tree = tmp_path / "outside", tmp_path / "tree"
    outside.touch(mode=0o600)
    tree.mkdir()
    (tree / "link").symlink_to(outside)

    open_tree(tree)

    assert _mode(outside) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs the account")
def test_on_this_machine_root_gets_an_account_that_is_not_root() -> None:
    account = account_for_postgres()

    assert account is not None
    assert account.uid != 0
    assert subprocess.run(["id", "-u", accounts.ACCOUNT_NAME], check=True, capture_output=True).stdout == (
        b"%d\n" % account.uid
    )
