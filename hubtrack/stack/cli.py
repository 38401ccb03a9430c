"""`python -m hubtrack.stack up | demo [--once] | run -- COMMAND...`: the stack for a person or a Makefile."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from hubtrack.stack import programs
from hubtrack.stack.config import StackConfig, read_config
from hubtrack.stack.errors import StackError, StopAsked
from hubtrack.stack.logs import LogFiles, LogStream
from hubtrack.stack.startup import decide_facts, start_application, start_servers
from hubtrack.stack.state import DataDir, is_free
from hubtrack.stack.stopping import StopRequest
from hubtrack.stack.supervisor import Supervisor
from hubtrack.stack.terminal import Terminal

_PORT_PATIENCE = 3.0  # seconds: a web process that is just ending still has its port


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code. What keeps the stack from starting is one message on stderr and exit code 1."""
    options = _parse(arguments)
    stop = StopRequest(os.environ)
    stop.listen()
    try:
        code: int = options.start(options, stop)
        return code
    except StackError as error:
        sys.stderr.write(f"hubtrack: {error}\n")
        return 1
    except StopAsked:
        return _exit_code(-(stop.signal or signal.SIGTERM)) if options.has_result else 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m hubtrack.stack", description="The embedded hubtrack stack.")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--data", help="the data directory, in place of HUBTRACK_DATA")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", parents=[common], help="serve until Ctrl-C, with the logs in the terminal")
    up.set_defaults(start=_up, has_result=False)
    demo = commands.add_parser("demo", parents=[common], help="serve a demo tenant and trace one sale")
    demo.add_argument("--once", dest="has_result", action="store_true", help="end after the trace, with its exit code")
    demo.set_defaults(start=_demo)
    run = commands.add_parser("run", parents=[common], help="run a command beside PostgreSQL and Redis")
    run.add_argument("words", nargs="+", metavar="COMMAND", help="the command, after --")
    run.set_defaults(start=_run, has_result=True)
    return parser.parse_args(arguments)


def _up(options: argparse.Namespace, stop: StopRequest) -> int:
    config = read_config(os.environ, options.data)
    logs = LogStream(Terminal())
    with DataDir(config.data) as data:
        _require_free_port(config)
        facts = decide_facts(config, data)
        with Supervisor(facts.environment, logs, stop) as supervisor:
            start_servers(supervisor, facts, logs)
            start_application(supervisor, facts, logs)
            logs.report("Serving until Ctrl-C")
            supervisor.serve()


def _demo(options: argparse.Namespace, stop: StopRequest) -> int:
    config = read_config(os.environ, options.data)
    with DataDir(config.data) as data:
        _require_free_port(config)
        facts = decide_facts(config, data)
        logs = LogFiles(data.logs, progress=Terminal())
        with Supervisor(facts.environment, logs, stop) as supervisor:
            start_servers(supervisor, facts, logs)
            start_application(supervisor, facts, logs)
            code = supervisor.run(programs.demo())
            if not options.has_result:
                url = facts.environment["PUBLIC_URL"]
                logs.report(f"Serving at {url} until Ctrl-C; the logs are in {data.logs}")
                supervisor.serve()
            return _exit_code(code)


def _run(options: argparse.Namespace, stop: StopRequest) -> int:
    config = read_config(os.environ, options.data)
    with DataDir(config.data) as data:
        facts = decide_facts(config, data)
        logs = LogFiles(data.logs)
        with Supervisor(facts.environment, logs, stop) as supervisor:
            start_servers(supervisor, facts, logs)
            command = programs.callers_command(tuple(options.words), Path.cwd())
            return _exit_code(supervisor.run(command))


def _require_free_port(config: StackConfig) -> None:
    deadline = time.monotonic() + _PORT_PATIENCE
    while not is_free(config.host, config.port):
        if time.monotonic() > deadline:
            raise StackError(
                f"Port {config.port} is taken by another program: choose another with PORT, "
                f"for example `PORT={config.port + 1} make demo`."
            )
        time.sleep(0.2)


def _exit_code(code: int) -> int:
    """A shell's way to tell of a command that a signal ended."""
    return code if code >= 0 else 128 - code
