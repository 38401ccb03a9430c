"""The whole database, for tests that must show what is in it, or that nothing came into it."""

import base64
from urllib.parse import quote

from django.db import connection

from apps.conversions.models import Conversion, Delivery, Quarantine
from apps.tenants.scoping import unscoped


def tables() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        found = [table for (table,) in cursor.fetchall()]
    assert len(found) > 20
    return found


def count_everything() -> dict[str, int]:
    """Rows by table."""
    counts = {}
    with connection.cursor() as cursor:
        for table in tables():
            cursor.execute(f'SELECT count(*) FROM "{table}"')
            counts[table] = cursor.fetchone()[0]
    return counts


def everything_stored() -> str:
    """Every row of every table as text; binary columns as hex."""
    rows: list[str] = []
    with connection.cursor() as cursor:
        for table in tables():
            cursor.execute(f'SELECT row::text FROM "{table}" AS row')
            rows += [f"{table}: {row}" for (row,) in cursor.fetchall()]
    return "\n".join(rows)


def forms_of(clear: str) -> set[str]:
    """How a text can lie in a row: as it is, percent-encoded, in hex (bytea), in base64."""
    raw = clear.encode()
    return {clear, quote(clear, safe=""), raw.hex(), base64.b64encode(raw).decode().rstrip("=").lower()[:-1]}


def deliveries() -> list[Delivery]:
    with unscoped():
        return list(Delivery.objects.order_by("pk"))


def conversions() -> list[Conversion]:
    with unscoped():
        return list(Conversion.objects.order_by("pk"))


def quarantined() -> list[Quarantine]:
    with unscoped():
        return list(Quarantine.objects.select_related("delivery").order_by("pk"))
