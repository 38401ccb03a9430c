"""Connections of code that runs outside Django's request handler."""

from django.db import connection


def release_connection() -> None:
    """Give the connection back to the pool, unless a transaction is open around the caller (as in tests).

    A thread that waits for another must not keep one: with every connection held by a waiter nobody could proceed.
    """
    if not connection.in_atomic_block:
        connection.close()
