"""Connections of code that runs outside Django's request handler, and the texts of statements."""

import re
from datetime import datetime

from django.db import InterfaceError, InternalError, OperationalError, connection

DATABASE_TROUBLE = (OperationalError, InterfaceError, InternalError)
"""What a database raises that is away, comes back, or may not write: whoever asked can ask again."""


def release_connection() -> None:
    """Give the connection back to the pool, unless a transaction is open around the caller (as in tests).

    A thread that waits for another must not keep one: with every connection held by a waiter nobody could proceed.
    """
    if not connection.in_atomic_block:
        connection.close()


def tighten(statement: str) -> str:
    """Without the space that only readers need: psycopg takes texts over 4,096 characters apart at each execution."""
    return re.sub(r"\s*([(),=<>])\s*", r"\1", " ".join(statement.split()))


def database_now() -> datetime:
    """The database's clock: the only one that all workers share."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        row: tuple[datetime] = cursor.fetchone()
    return row[0]
