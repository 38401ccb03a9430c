"""A supervisor of tiny programs, run as a process of its own: `python -m tests.stack.driver SPEC.json`.

The spec is {"groups": [[program, ...], ...], "logs": directory or absent}; a program is {"name", "code"} and
optionally "ready_file", "patience", "grace", "once". Python code in `code` is the whole program.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from hubtrack.stack.errors import StackError, StopAsked
from hubtrack.stack.logs import LogFiles, Logs, LogStream
from hubtrack.stack.program import Program
from hubtrack.stack.stopping import StopRequest
from hubtrack.stack.supervisor import Supervisor
from hubtrack.stack.terminal import Terminal


def main(spec: dict[str, Any]) -> int:
    stop = StopRequest(os.environ)
    stop.listen()
    logs: Logs = LogFiles(Path(spec["logs"]), Terminal()) if "logs" in spec else LogStream(Terminal())
    try:
        with Supervisor(os.environ, logs, stop) as supervisor:
            for group in spec["groups"]:
                if group[0].get("once"):
                    logs.report(f"{group[0]['name']} answered {supervisor.run(_program(group[0]))}")
                else:
                    supervisor.start(*(_program(row) for row in group))
            logs.report("serving")
            supervisor.serve()
    except StopAsked:
        return 0
    except StackError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _program(row: dict[str, Any]) -> Program:
    marker = Path(row.get("ready_file", "/"))
    return Program(
        name=row["name"],
        command=(sys.executable, "-I", "-S", "-u", "-c", row["code"]),
        ready=marker.exists,
        patience=row.get("patience", 30.0),
        grace=row.get("grace", 15.0),
        advice="Look at its code.",
    )


if __name__ == "__main__":
    sys.exit(main(json.loads(Path(sys.argv[1]).read_text())))
