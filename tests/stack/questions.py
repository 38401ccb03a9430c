"""Questions to the servers of a running stack, found as any outside program finds them: by its `env` file."""

from pathlib import Path

import psycopg
import redis

from hubtrack.stack.state import read_pairs


def connect(data: Path) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(read_pairs(data / "env")["DATABASE_URL"], autocommit=True, connect_timeout=5)


def ask(data: Path, query: str) -> object:
    with connect(data) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def answers(data: Path) -> bool:
    try:
        return ask(data, "SELECT 1") == 1
    except psycopg.OperationalError:
        return False


def pongs(data: Path) -> bool:
    try:
        with redis.Redis.from_url(read_pairs(data / "env")["REDIS_URL"]) as client:
            return bool(client.ping())
    except redis.ConnectionError:
        return False


def store(data: Path, order: str) -> None:
    with connect(data) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS conversion (order_id text PRIMARY KEY)")
        connection.execute("INSERT INTO conversion VALUES (%s)", (order,))
