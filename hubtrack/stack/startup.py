"""The order in which the stack comes up, and what it says while it does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hubtrack.stack import programs
from hubtrack.stack.accounts import account_for_postgres, open_tree, open_way_to
from hubtrack.stack.config import ENV_FILE_NAMES, PORT_NAMES, StackConfig, build_environment
from hubtrack.stack.logs import Logs
from hubtrack.stack.postgres import VERSION, Postgres
from hubtrack.stack.program import Program
from hubtrack.stack.redis_server import redis_program
from hubtrack.stack.state import DataDir
from hubtrack.stack.supervisor import Supervisor


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything decided before the first process starts."""

    config: StackConfig
    secrets: Mapping[str, str]
    ports: Mapping[str, int]
    environment: Mapping[str, str]


def decide_facts(config: StackConfig, data: DataDir) -> Facts:
    """Settle secrets, ports and environment, and write the latter to `env` for programs outside the stack."""
    secrets = data.load_secrets()
    ports = data.claim_ports(PORT_NAMES)
    environment = build_environment(config, secrets, ports)
    data.write_env({name: environment[name] for name in ENV_FILE_NAMES if name in environment})
    return Facts(config, secrets, ports, environment)


def start_servers(supervisor: Supervisor, facts: Facts, logs: Logs) -> None:
    """PostgreSQL and Redis, unless the caller has others."""
    if facts.config.embeds_postgres:
        _start_postgres(supervisor, facts, logs.report)
        logs.report(f"PostgreSQL {VERSION} ready")
    if facts.config.embeds_redis:
        supervisor.start(redis_program(facts.config.data, facts.ports["redis"], facts.secrets["REDIS_PASSWORD"]))
        logs.report("Redis ready")


def start_application(supervisor: Supervisor, facts: Facts, logs: Logs) -> None:
    _run_to_success(supervisor, programs.migrate())
    _run_to_success(supervisor, programs.collect_static())
    logs.report("Database schema and static files ready")
    supervisor.start(programs.sandbox(facts.ports["sandbox"]))
    logs.report("Sandbox ready")
    supervisor.start(programs.web(facts.config, facts.environment))
    logs.report(f"Web ready at {facts.environment['PUBLIC_URL']}")
    supervisor.start(*programs.engine())
    logs.report("Workers, relay and beat started")


def _start_postgres(supervisor: Supervisor, facts: Facts, report: Callable[[str], None]) -> None:
    postgres = Postgres(
        directory=facts.config.data / "postgres",
        port=facts.ports["postgres"],
        password=facts.secrets["POSTGRES_PASSWORD"],
        admin_password=facts.secrets["POSTGRES_ADMIN_PASSWORD"],
        account=account_for_postgres(),
    )
    if postgres.account is not None:
        open_way_to(postgres.installation, report)
        open_tree(postgres.installation)
        open_way_to(postgres.directory, report)
    postgres.end_leftovers()
    if not postgres.is_initialised():
        _run_to_success(supervisor, postgres.prepare_initdb())
        postgres.finish_initdb()
    postgres.write_settings()
    supervisor.start(postgres.server())
    postgres.ensure_database()


def _run_to_success(supervisor: Supervisor, program: Program) -> None:
    code = supervisor.run(program)
    if code:
        raise supervisor.explain_failure(program, f"failed with exit code {code}")
