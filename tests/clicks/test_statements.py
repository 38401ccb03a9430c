"""The statements behind every hit, as psycopg sees them."""

import pytest
from psycopg import _queries

from apps.clicks import services
from apps.core.db import tighten


@pytest.mark.parametrize("name", ["_RECORD_CLICK", "_RECORD_PAGE_EVENT", "_RECORD_VISITOR"])
def test_psycopg_remembers_how_it_read_them(name: str) -> None:
    assert len(getattr(services, name)) <= _queries.MAX_CACHED_STATEMENT_LENGTH


def test_tightening_keeps_words_apart_and_literals_whole() -> None:
    loose = """
        SELECT coalesce( a.id || ' ' || a.name, '' )  , interval '30 minutes'
        FROM a  WHERE a.id >= %(id)s::bigint
    """

    assert tighten(loose) == (
        "SELECT coalesce(a.id || ' ' || a.name,''),interval '30 minutes' FROM a WHERE a.id>=%(id)s::bigint"
    )
