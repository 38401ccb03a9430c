"""What the page and the JSON list show: one row for each event, and one for each refused request."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection
from django.db.models import Count, Max, Q, QuerySet
from django_stubs_ext import StrPromise

from apps.sandbox.explanations import explain_refusal
from apps.sandbox.meta.events import KEYS as META_KEYS
from apps.sandbox.models import Platform, ReceivedEvent, ReceivedRequest, Verdict
from apps.sandbox.tiktok.events import KEYS as TIKTOK_KEYS

PAGE_SIZE = 50
ACCEPTED_PAGE = 5_000
_KEYS = {Platform.META: tuple(META_KEYS), Platform.TIKTOK: tuple(TIKTOK_KEYS)}
_REQUEST_FIELDS = (
    *("pk", "platform", "pixel_id", "version", "received_at", "status", "error_code", "error_subcode", "error_where"),
    *("events_count", "token_fingerprint", "test_event_code", "answer"),
)
_EVENT_FIELDS = ("pk", "event_name", "event_id", "event_time", "payload", "verdict")
_MATCHES: dict[str, Callable[[str], Q]] = {
    "pixel_id": lambda value: Q(pixel_id=value),
    "event_id": lambda value: Q(events__event_id=value),
    "event_name": lambda value: Q(events__event_name=value),
    "verdict": lambda value: Q(error_code__isnull=False) if value == Verdict.REFUSED else Q(events__verdict=value),
}
# Money as it was written, never as a float. Meta has it in custom_data, TikTok in properties.
_SUM_ACCEPTED = """
WITH event AS (
    SELECT r.platform, e.pixel_id, e.verdict, e.event_name, e.event_id,
        coalesce(e.payload -> 'custom_data', e.payload -> 'properties') AS sale
    FROM sandbox_receivedevent e JOIN sandbox_receivedrequest r ON r.id = e.request_id
    WHERE %(pixel_id)s IN ('', e.pixel_id)
), money AS (
    SELECT platform, pixel_id, coalesce(sale ->> 'currency', '') AS currency, sum((sale ->> 'value')::numeric) AS amount
    FROM event WHERE verdict = 'accepted' AND jsonb_typeof(sale -> 'value') = 'number' GROUP BY 1, 2, 3
), counted AS (
    SELECT platform, pixel_id, count(*) FILTER (WHERE verdict = 'accepted') AS events,
        count(DISTINCT (event_name, event_id)) FILTER (WHERE verdict = 'accepted') AS distinct_events,
        count(*) FILTER (WHERE verdict = 'duplicate') AS duplicates
    FROM event GROUP BY 1, 2
)
SELECT platform, pixel_id, events, distinct_events, duplicates, coalesce((
    SELECT jsonb_object_agg(m.currency, m.amount::text) FROM money m
    WHERE m.platform = counted.platform AND m.pixel_id = counted.pixel_id), '{}')
FROM counted ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Filters:
    """What to list; empty means all. `verdict` is one of `Verdict`."""

    pixel_id: str = ""
    event_id: str = ""
    verdict: str = ""
    event_name: str = ""

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "Filters":
        """From a query string, without unknown verdicts and NULs (PostgreSQL cannot even compare one)."""
        given = {name: query.get(name, "").replace("\x00", "").strip() for name in cls.__slots__}
        verdict = given.pop("verdict")
        return cls(**given, verdict=verdict if verdict in Verdict.values else "")

    def given(self) -> dict[str, str]:
        return {name: value for name in self.__slots__ if (value := getattr(self, name))}

    def __bool__(self) -> bool:
        return bool(self.given())


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the page: facts of a request, and of one of its events unless it was refused."""

    request: Mapping[str, object]
    event: Mapping[str, object]

    @property
    def key(self) -> str:
        return f"{self.request['pk']}-{self.event['pk'] or 0}"

    @property
    def verdict(self) -> Verdict:
        return Verdict(str(self.event["verdict"] or Verdict.REFUSED))

    @property
    def event_time(self) -> datetime | None:
        seconds = self.event["event_time"]
        return datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, int) else None

    @property
    def explanation(self) -> StrPromise | str:
        code, subcode = self.request["error_code"], self.request["error_subcode"]
        if not isinstance(code, int):
            return ""
        return explain_refusal(code, subcode if isinstance(subcode, int) else None)

    @property
    def platform(self) -> Platform:
        return Platform(str(self.request["platform"]))

    @property
    def payload(self) -> str:
        """In the order in which the platform documents the keys, then its others; the database keeps no order."""
        payload = self.event["payload"]
        if not isinstance(payload, dict):
            return ""
        return _pretty({key: payload[key] for key in (*_KEYS[self.platform], *payload) if key in payload})

    @property
    def answer(self) -> str:
        return _pretty(self.request["answer"])


@dataclass(frozen=True, slots=True)
class Page:
    """Newest first. `number` starts at 1."""

    rows: list[Row]
    number: int
    has_older: bool


def list_received(filters: Filters, number: int = 1) -> Page:
    start = (number - 1) * PAGE_SIZE
    fields = (*_REQUEST_FIELDS, *(f"events__{name}" for name in _EVENT_FIELDS))
    found = (
        ReceivedRequest.objects.filter(_match_row(filters))
        .order_by("-pk", "-events__pk")
        .values_list(*fields)[start : start + PAGE_SIZE + 1]
    )
    rows = [_make_row(values) for values in found]
    return Page(rows=rows[:PAGE_SIZE], number=number, has_older=len(rows) > PAGE_SIZE)


def count_verdicts(pixel_id: str = "") -> dict[str, int]:
    """How many of each verdict are kept, of one pixel or of all; a refused request counts once."""
    mine = Q(pixel_id=pixel_id) if pixel_id else Q()
    events = ReceivedEvent.objects.filter(mine)
    return {
        Verdict.ACCEPTED: events.filter(verdict=Verdict.ACCEPTED).count(),
        Verdict.DUPLICATE: events.filter(verdict=Verdict.DUPLICATE).count(),
        Verdict.REFUSED: ReceivedRequest.objects.filter(mine, error_code__isnull=False).count(),
    }


def describe_state() -> str:
    """Another text whenever a request came or went. It has a count because commits overtake each other."""
    state = ReceivedRequest.objects.aggregate(newest=Max("pk"), kept=Count("pk"))
    return f"{state['newest'] or 0}-{state['kept']}"


def find_events(filters: Filters) -> QuerySet[ReceivedEvent]:
    """Events in the order in which they came."""
    return ReceivedEvent.objects.filter(**filters.given()).order_by("pk")


def count_requests(pixel_id: str = "") -> int:
    """All requests, refused ones too."""
    return ReceivedRequest.objects.filter(Q(pixel_id=pixel_id) if pixel_id else Q()).count()


def sum_accepted(pixel_id: str = "") -> list[dict[str, object]]:
    """For each pixel: accepted `events`, how many `distinct` ones, `duplicates` that came besides, and `values` in each
    currency as decimal text. More events than distinct ones: something was counted twice.
    """
    names = ("platform", "pixel_id", "events", "distinct", "duplicates", "values")
    with connection.cursor() as cursor:
        cursor.execute(_SUM_ACCEPTED, {"pixel_id": pixel_id})
        rows = cursor.fetchall()
    return [dict(zip(names, (*row[:-1], json.loads(row[-1])), strict=True)) for row in rows]


def page_accepted(after: int, pixel_id: str = "") -> dict[str, object]:
    """The accepted events that came after that one: [pixel, event name, event id]; `next` is None at the end."""
    rows = ReceivedEvent.objects.filter(
        Q(pixel_id=pixel_id) if pixel_id else Q(), verdict=Verdict.ACCEPTED, pk__gt=after
    )
    found = list(rows.order_by("pk").values_list("pk", "pixel_id", "event_name", "event_id")[:ACCEPTED_PAGE])
    is_last = len(found) < ACCEPTED_PAGE
    return {"events": [row[1:] for row in found], "next": None if is_last else found[-1][0]}


def _match_row(filters: Filters) -> Q:
    match = Q()
    for name, value in filters.given().items():
        match &= _MATCHES[name](value)
    return match


def _make_row(values: tuple[object, ...]) -> Row:
    request = dict(zip(_REQUEST_FIELDS, values, strict=False))
    event = dict(zip(_EVENT_FIELDS, values[len(_REQUEST_FIELDS) :], strict=True))
    return Row(request=request, event=event)


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
