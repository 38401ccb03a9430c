"""Where configuration comes from: the environment, then the running embedded stack's `env` file.

A variable that is set always wins. `HUBTRACK_DATA/env` (KEY=value lines, written by the embedded stack) lets
`manage.py` and tests talk to a stack that is already up without exporting anything.
"""

import os
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(os.environ.get("HUBTRACK_DATA", BASE_DIR / ".hubtrack")).resolve()

env = environ.Env()
if "DATABASE_URL" not in os.environ:
    environ.Env.read_env(DATA_DIR / "env", overwrite=False)


def secret(name: str) -> str:
    """The value of `name`, or of the file that `name_FILE` points to; absent or empty is a loud error."""
    file = env.str(f"{name}_FILE", default="")
    value = Path(file).read_text().strip() if file else env.str(name, default="")
    if not value:
        raise ImproperlyConfigured(
            f"{name} is not set. Start the embedded stack once (`make up`), which generates it, "
            f"or export {name} (or {name}_FILE with a path) yourself."
        )
    return value
