"""The script that is in force: one row that every process of the stand-in sees within half a second.

A script that was forgotten ends by itself after a day. While one is in force nothing of what was received is purged: it
is the record by which a rehearsal is judged.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction

from apps.core.remember import Remembered
from apps.sandbox.faults.choosing import choose
from apps.sandbox.faults.script import Asked, Fault, Script, read_script
from apps.sandbox.models import FaultScript

IN_FORCE_FOR = timedelta(hours=24)
_REMEMBERED_S = 0.4
_COUNT = "UPDATE sandbox_faultscript SET seen[%s] = seen[%s] + 1 WHERE id = %s RETURNING seen[%s]"


@dataclass(frozen=True, slots=True)
class _Playing:
    """The script in force, the key of its row, and since when; None when there is none."""

    script: Script | None = None
    key: int = 0
    started_at: datetime = datetime.min


_remembered: Remembered[str, _Playing] = Remembered(seconds=_REMEMBERED_S)


@transaction.atomic
def start_script(given: object, now: datetime) -> FaultScript:
    """In place of the one before, counting anew; raises ScriptError."""
    script = read_script(given)
    FaultScript.objects.all().delete()
    started: FaultScript = FaultScript.objects.create(script=given, started_at=now, seen=[0] * len(script.rules))
    _remembered.forget()
    return started


def end_script() -> None:
    FaultScript.objects.all().delete()
    _remembered.forget()


def find_script(now: datetime) -> FaultScript | None:
    """The one in force."""
    return FaultScript.objects.filter(started_at__gt=now - IN_FORCE_FOR).order_by("-pk").first()


def find_fault(asked: Asked, now: datetime) -> Fault | None:
    """What is to be done to this request."""
    playing = _remembered.recall("") or _remembered.keep("", _load(now))
    if playing.script is None:
        return None
    elapsed_s = (now - playing.started_at).total_seconds()
    rule = choose(playing.script, asked, elapsed_s, lambda index: _count(playing.key, index))
    return rule.fault if rule else None


def forget_script() -> None:
    """What this process remembers, not the script."""
    _remembered.forget()


def _load(now: datetime) -> _Playing:
    row = find_script(now)
    return _Playing(read_script(row.script), row.pk, row.started_at) if row else _Playing()


def _count(key: int, index: int) -> int:
    """PostgreSQL counts arrays from 1. A script that ended meanwhile counts nothing: nobody is the 0th."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [index + 1, index + 1, key, index + 1])
        row = cursor.fetchone()
    return int(row[0]) if row else 0
