#!/usr/bin/env python3
"""Django's command line; finds the project's own virtual environment and the running stack's settings."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV_PYTHON = HERE / ".venv" / "bin" / "python"


def main() -> None:
    """Run one management command, through `.venv` when this Python has no Django."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hubtrack.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        if not VENV_PYTHON.exists() or Path(sys.prefix) == VENV_PYTHON.parent.parent:
            sys.exit("Django is not installed. Run `make up` once: it installs everything into .venv.")
        os.execv(str(VENV_PYTHON), [str(VENV_PYTHON), *sys.argv])  # noqa: S606
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
