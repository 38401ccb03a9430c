"""The caller's choices, and the environment made of them."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from psycopg.conninfo import conninfo_to_dict

from hubtrack.stack.config import build_environment, read_config
from hubtrack.stack.errors import StackError

SECRETS = {
    "POSTGRES_PASSWORD": "pg-word",
    "REDIS_PASSWORD": "redis_word",
    "DJANGO_SECRET_KEY": "django-word",
    "HUBTRACK_SECRET_KEYS": "fernet=",
}
PORTS = {"postgres": 20_001, "redis": 20_002, "sandbox": 20_003}


def _environment(**given: str) -> dict[str, str]:
    return build_environment(read_config(given), SECRETS, PORTS)


def test_without_choices_everything_is_embedded_below_the_working_directory() -> None:
    config = read_config({})

    assert config.data == Path.cwd() / ".hubtrack"
    assert (config.host, config.port) == ("127.0.0.1", 8000)
    assert config.embeds_postgres
    assert config.embeds_redis


def test_the_option_goes_before_the_variable() -> None:
    config = read_config({"HUBTRACK_DATA": "/var/tmp/one"}, data="/var/tmp/one/test")

    assert config.data == Path("/var/tmp/one/test")


@pytest.mark.parametrize("port", ["0", "65536", "80a", "-1", "8000.0", "²"])
def test_a_port_that_is_none_is_explained(port: str) -> None:
    with pytest.raises(StackError) as refused:
        read_config({"PORT": port})

    assert str(refused.value) == f"PORT is {port!r}, but must be a number from 1 to 65535, for example PORT=8001."


@pytest.mark.parametrize(
    ("host", "reached_at"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("10.0.0.7", "10.0.0.7")],
)
def test_the_machine_reaches_what_listens_on_a_host(host: str, reached_at: str) -> None:
    assert read_config({"HOST": host}).local_host == reached_at


def test_the_embedded_addresses_are_the_default() -> None:
    environment = _environment(PORT="8100", HUBTRACK_DATA="/var/tmp/data")

    assert environment == {
        "DATABASE_URL": "postgres://hubtrack:pg-word@127.0.0.1:20001/hubtrack",
        "REDIS_URL": "redis://default:redis_word@127.0.0.1:20002/0",
        "CELERY_BROKER_URL": "redis://default:redis_word@127.0.0.1:20002/1",
        "META_GRAPH_URL": "http://127.0.0.1:20003",
        "TIKTOK_API_URL": "http://127.0.0.1:20003",
        "SANDBOX_URL": "http://127.0.0.1:20003",
        "OUTBOUND_ALLOW_LOOPBACK": "1",
        "ALLOWED_HOSTS": "localhost,127.0.0.1,[::1]",
        "PUBLIC_URL": "http://localhost:8100",
        "DJANGO_SECRET_KEY": "django-word",
        "HUBTRACK_SECRET_KEYS": "fernet=",
        "DJANGO_SETTINGS_MODULE": "hubtrack.settings",
        "PYTHONUNBUFFERED": "1",
        "HUBTRACK_DATA": "/var/tmp/data",
        "PORT": "8100",
    }


@pytest.mark.parametrize(
    "name",
    [
        *("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "META_GRAPH_URL", "TIKTOK_API_URL", "PUBLIC_URL"),
        *("ALLOWED_HOSTS", "OUTBOUND_ALLOW_LOOPBACK", "DJANGO_SECRET_KEY", "HUBTRACK_SECRET_KEYS"),
    ],
)
def test_what_the_caller_sets_is_used(name: str) -> None:
    assert _environment(**{name: "the caller's"})[name] == "the caller's"


def test_an_empty_variable_is_none() -> None:
    config = read_config({"DATABASE_URL": "", "REDIS_URL": "", "PORT": "", "HUBTRACK_DATA": ""})

    assert config.embeds_postgres
    assert config.embeds_redis
    assert config == read_config({})
    assert _environment(DATABASE_URL="") == _environment()


def test_a_given_database_leaves_redis_embedded() -> None:
    config = read_config({"DATABASE_URL": "postgres://someone@db.example.com/hub"})

    assert not config.embeds_postgres
    assert config.embeds_redis


def test_a_given_redis_is_the_broker_too_unless_another_is_given() -> None:
    redis = "rediss://cache.example.com:6379/0"

    assert not read_config({"REDIS_URL": redis}).embeds_redis
    assert _environment(REDIS_URL=redis)["CELERY_BROKER_URL"] == redis
    assert _environment(REDIS_URL=redis, CELERY_BROKER_URL="sqs://")["CELERY_BROKER_URL"] == "sqs://"


def test_a_given_broker_alone_leaves_redis_embedded_for_the_cache() -> None:
    assert read_config({"CELERY_BROKER_URL": "sqs://"}).embeds_redis


def test_the_database_url_is_one_that_libpq_reads() -> None:
    url = _environment()["DATABASE_URL"]

    assert conninfo_to_dict(url) == {
        "user": "hubtrack",
        "password": "pg-word",
        "host": "127.0.0.1",
        "port": "20001",
        "dbname": "hubtrack",
    }


def test_the_broker_is_another_database_of_the_same_redis() -> None:
    environment = _environment()

    cache, broker = urlsplit(environment["REDIS_URL"]), urlsplit(environment["CELERY_BROKER_URL"])

    assert cache.netloc == broker.netloc
    assert (cache.path, broker.path) == ("/0", "/1")
