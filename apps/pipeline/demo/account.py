"""The demo's account: made once a data directory, its key and password kept there (mode 0600) and nowhere else."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings

from apps.tenants.services import create_tenant, find_api_key


@dataclass(frozen=True, slots=True, repr=False)
class DemoAccount:
    """How to log in and call the API as the demo's customer; `hottok` authenticates its simulated webhooks."""

    api_key: str
    email: str
    password: str
    hottok: str


def demo_account() -> DemoAccount:
    """The account of an earlier run while its key still works, else a new one."""
    kept = _read(settings.DEMO_FILE)
    if kept and find_api_key(kept.api_key):
        return kept
    made = create_tenant(name="Cursos da Ana (demo)", email=f"demo-{secrets.token_hex(3)}@example.com", is_staff=True)
    account = DemoAccount(made.api_key, made.email, made.password, hottok=secrets.token_hex(16))
    _write(settings.DEMO_FILE, account)
    return account


def _read(path: Path) -> DemoAccount | None:
    try:
        return DemoAccount(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _write(path: Path, account: DemoAccount) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(account), file)
