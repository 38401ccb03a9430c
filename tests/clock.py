"""Time that passes at once: what is stored becomes older, which to the database's clock is the same."""

from datetime import timedelta

from django.db import connection

# What has times that delivery goes by, and what those come from. Sessions and keys of people keep theirs.
_APPS = ("dispatch", "sandbox", "conversions", "clicks", "matching", "funnels")
_COLUMNS = """
SELECT c.table_name, array_agg(c.column_name::text) FROM information_schema.columns c
JOIN information_schema.tables t USING (table_schema, table_name)
WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE' AND c.is_generated = 'NEVER'
    AND c.data_type = 'timestamp with time zone' AND split_part(c.table_name, '_', 1) = ANY(%s)
GROUP BY c.table_name ORDER BY c.table_name
"""


def advance(delta: timedelta) -> None:
    """As if `delta` had passed with nobody at work."""
    with connection.cursor() as cursor:
        cursor.execute(_COLUMNS, [list(_APPS)])
        tables = cursor.fetchall()
        assert {"dispatch_send", "dispatch_breaker", "dispatch_platformbreaker"} <= {name for name, _columns in tables}
        for table, columns in tables:
            changes = ", ".join(f'"{column}" = "{column}" - %s::interval' for column in columns)
            cursor.execute(f'UPDATE "{table}" SET {changes}', [f"{delta.total_seconds()} seconds"] * len(columns))
