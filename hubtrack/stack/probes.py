"""Is it ready? Each probe answers within two seconds and never raises: not ready is an answer."""

import http.client
import socket

import psycopg
import redis

_PATIENCE = 2.0


def accepts(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=_PATIENCE):
            return True
    except OSError:
        return False


def is_healthy(host: str, port: int, *, host_header: str) -> bool:
    """Whether GET /healthz answers 200; `host_header` must be one that Django allows."""
    connection = http.client.HTTPConnection(host, port, timeout=_PATIENCE)
    try:
        connection.request("GET", "/healthz", headers={"Host": host_header})
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def postgres_accepts(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=int(_PATIENCE)):
            return True
    except psycopg.OperationalError:
        return False


def redis_answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(url, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False
