"""What the caller chose by environment variables, and the environment that every process is given."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from hubtrack.stack.errors import StackError

PROJECT = Path(__file__).resolve().parents[2]
PORT_NAMES = ("postgres", "redis", "sandbox")
ENV_FILE_NAMES = (
    "DATABASE_URL",
    "REDIS_URL",
    "CELERY_BROKER_URL",
    "SQS_QUEUE_URL_PREFIX",
    "META_GRAPH_URL",
    "TIKTOK_API_URL",
    "SANDBOX_URL",
    "PUBLIC_URL",
    "ALLOWED_HOSTS",
    "OUTBOUND_ALLOW_LOOPBACK",
    "PORT",
    "DJANGO_SECRET_KEY",
    "HUBTRACK_SECRET_KEYS",
)


@dataclass(frozen=True, slots=True)
class StackConfig:
    """Where the stack lives and listens. `given` is the caller's environment without its empty variables."""

    data: Path
    host: str
    port: int
    given: Mapping[str, str]

    @property
    def embeds_postgres(self) -> bool:
        return "DATABASE_URL" not in self.given

    @property
    def embeds_redis(self) -> bool:
        return "REDIS_URL" not in self.given

    @property
    def local_host(self) -> str:
        """An address on which this machine reaches what listens on `host`."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104


def read_config(environ: Mapping[str, str], data: str | None = None) -> StackConfig:
    """What `environ` asks for; `data` overrides HUBTRACK_DATA. Raises `StackError` on a bad PORT."""
    given = {name: value for name, value in environ.items() if value}
    port = given.get("PORT", "8000")
    if not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65_535:
        raise StackError(f"PORT is {port!r}, but must be a number from 1 to 65535, for example PORT=8001.")
    return StackConfig(
        data=Path(data or given.get("HUBTRACK_DATA", ".hubtrack")).absolute(),
        host=given.get("HOST", "127.0.0.1"),
        port=int(port),
        given=given,
    )


def build_environment(config: StackConfig, secrets: Mapping[str, str], ports: Mapping[str, int]) -> dict[str, str]:
    """The environment of every process: what the stack embeds, unless the caller named another."""
    redis = f"redis://default:{quote(secrets['REDIS_PASSWORD'])}@127.0.0.1:{ports['redis']}"
    sandbox = f"http://127.0.0.1:{ports['sandbox']}"
    defaults = {
        "DATABASE_URL": "postgres://hubtrack:"
        f"{quote(secrets['POSTGRES_PASSWORD'])}@127.0.0.1:{ports['postgres']}/hubtrack",
        "REDIS_URL": f"{redis}/0",
        # Apart from the cache, so that flushing one leaves the other alone.
        "CELERY_BROKER_URL": f"{redis}/1" if config.embeds_redis else config.given["REDIS_URL"],
        "META_GRAPH_URL": sandbox,
        "TIKTOK_API_URL": sandbox,
        "OUTBOUND_ALLOW_LOOPBACK": "1",
        "ALLOWED_HOSTS": "localhost,127.0.0.1,[::1]",
        "PUBLIC_URL": f"http://localhost:{config.port}",
        "DJANGO_SECRET_KEY": secrets["DJANGO_SECRET_KEY"],
        "HUBTRACK_SECRET_KEYS": secrets["HUBTRACK_SECRET_KEYS"],
        "DJANGO_SETTINGS_MODULE": "hubtrack.settings",
        "PYTHONUNBUFFERED": "1",
    }
    chosen = {"HUBTRACK_DATA": str(config.data), "PORT": str(config.port), "SANDBOX_URL": sandbox}
    return {**defaults, **config.given, **chosen}
