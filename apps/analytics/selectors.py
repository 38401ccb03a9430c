"""What each stage of a funnel holds, in four statements whatever the period and the number of rows.

A condition is a column of three values: true, false, and NULL where the question cannot be asked of a row. Aliases are
the same everywhere: `k` a click, `s` its session, `c` an order. A visitor's signals at a checkout or a sale are those
of the click that brought them, as in what is sent to the platforms.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg.errors import QueryCanceled

from apps.analytics.errors import TooMuchToCount
from apps.analytics.quality import Cause, Counts, Found, Signal, Stage, Tally

# What a reader waits for all of it; busy pages have more than can be counted in that.
MAX_SECONDS = 10.0
# dispatch/meta/payload.py sends nothing else as fbc or fbp.
_MARK = r"(\.[A-Za-z0-9_-]{2}|\.[A-Za-z0-9_-]{8})?$"
_BROWSER_ID = rf"^fb\.\d+\.\d{{13}}\.[^.\s]+{_MARK}"
_CLICK_ID = rf"^[^.\s]+{_MARK}"
# What Meta's {{site_source_name}} writes, and what people write themselves.
_META_SOURCES = """
    facebook fb ig instagram meta an msg messenger audience_network audiencenetwork threads
    facebookads facebook_ads facebook-ads fbads fb_ads fb-ads metaads meta_ads meta-ads instagram_ads
"""
# Of this many letters, all have the same case by chance once in four billion.
_LETTERS_OF_ONE_CASE = 33
# A session may have begun, with its click, before the period in which its checkout lies.
_LONGEST_SESSION = timedelta(days=1)

# What several conditions ask of a click, worked out once a row (OFFSET keeps the planner from copying it into each).
_SEEN = f"""CROSS JOIN LATERAL (
        SELECT k.fbc ~ '{_BROWSER_ID}' AS has_fbc, k.fbp ~ '{_BROWSER_ID}' AS has_fbp,
               k.fbclid = '' AND (k.ttclid <> '' OR k.gclid <> '') AS is_of_another_platform,
               split_part(split_part(split_part(split_part(k.landing_url, '/', 3), '?', 1), '#', 1), ':', 1) AS host
        OFFSET 0) seen"""
_BROWSER_SIGNALS: Mapping[Signal, str] = {
    Signal.FBCLID: "CASE WHEN seen.is_of_another_platform THEN NULL ELSE coalesce(k.fbclid <> '', false) END",
    Signal.FBC: f"""CASE WHEN seen.is_of_another_platform THEN NULL
                    ELSE coalesce(seen.has_fbc OR k.fbclid ~ '{_CLICK_ID}', false) END""",
    Signal.FBP: "coalesce(seen.has_fbp, false)",
    Signal.IP: "k.ip IS NOT NULL",
    Signal.USER_AGENT: "coalesce(k.user_agent <> '', false)",
}
_VISIT_SIGNALS: Mapping[Signal, str] = {
    **_BROWSER_SIGNALS,
    Signal.EMAIL: "s.email_sha256 <> ''",
    Signal.PHONE: "s.phone_sha256 <> ''",
    Signal.CLICK_ID: "NULL::boolean",
}
_ORDER_SIGNALS: Mapping[Signal, str] = {
    **_BROWSER_SIGNALS,
    Signal.EMAIL: "c.email_sha256 <> '' OR coalesce(s.email_sha256 <> '', false)",
    Signal.PHONE: "c.phone_sha256 <> '' OR coalesce(s.phone_sha256 <> '', false)",
    Signal.CLICK_ID: "c.click_ref <> ''",
}


def _has_wrong_domain(cookie: str) -> str:
    """The second part of the cookie counts the dots of its domain, of which the page's host cannot have fewer.

    None at all is a whole top-level domain, and all of `www.` keeps the cookie from the other hosts, such as `pay.`.
    """
    dots = f"CASE WHEN seen.has_{cookie} THEN split_part(k.{cookie}, '.', 2)::numeric END"
    on_host = "length(seen.host) - length(replace(seen.host, '.', ''))"
    is_www = "lower(left(seen.host, 4)) = 'www.'"
    return f"({on_host} > 0 AND ({dots} = 0 OR {dots} > {on_host} OR ({dots} = {on_host} AND {is_www})))"


_SOURCES = ", ".join(f"'{word}'" for word in _META_SOURCES.split())
_CLICK_CAUSES: Mapping[Cause, str] = {
    Cause.REDIRECT_STRIPS_FBCLID: f"""k.fbclid = '' AND k.fbc = ''
        AND lower(btrim(split_part(k.utm ->> 'utm_source', '|', 1))) IN ({_SOURCES})""",
    Cause.MALFORMED_COOKIE: "(k.fbc <> '' AND NOT seen.has_fbc) OR (k.fbp <> '' AND NOT seen.has_fbp)",
    Cause.WRONG_COOKIE_DOMAIN: f"{_has_wrong_domain('fbc')} OR {_has_wrong_domain('fbp')}",
    # A redirect link answers before any page could start a pixel.
    Cause.PIXEL_MISSING: "k.fbp = '' AND seen.has_fbc AND k.source <> 'link'",
}
_SALE_CAUSES: Mapping[Cause, str] = {
    Cause.SCRIPT_MISSING: "c.click_ref = '' AND c.session_ref = ''",
    Cause.OLD_FBC: r"""to_timestamp(substring(k.fbc from '^fb\.\d+\.(\d{13})\.')::bigint / 1000.0)
        < c.occurred_at - interval '90 days'""",
    # The page's phone came hashed (only a clear one also has the form with a plus), and the gateway's, which the hub
    # hashed itself, is another: the same person's number was written in another way before it was hashed.
    Cause.PHONE_WITHOUT_COUNTRY_CODE: """s.phone_sha256 <> '' AND c.phone_sha256 <> ''
        AND s.phone_sha256 <> c.phone_sha256 AND NOT s.identity ? 'ph_e164'
        AND c.email_sha256 <> '' AND s.email_sha256 = c.email_sha256""",
}


def _clicks_from(since: str) -> str:
    return f"""k.tenant_id = %(tenant_id)s AND k.funnel_id = %(funnel_id)s AND NOT k.is_automated
        AND k.clicked_at >= %({since})s AND k.clicked_at < %(until)s"""


# Renewals and order bumps have no checkout of their own.
_ORDERS = f"""conversions_conversion c
    LEFT JOIN matching_match m ON m.conversion_id = c.id AND m.is_used
    LEFT JOIN clicks_click k ON k.id = m.click_id
    LEFT JOIN clicks_session s ON s.id = k.session_id
    {_SEEN}
    WHERE c.tenant_id = %(tenant_id)s AND c.funnel_id = %(funnel_id)s
      AND c.occurred_at >= %(before)s AND c.occurred_at < %(until)s
      AND NOT c.is_test AND NOT c.is_renewal AND c.parent_order_id = ''"""
# The pages' checkouts are few beside the clicks, and an index holds them alone; so they come first.
_CHECKOUTS = f"""
    (SELECT e.session_id, max(e.occurred_at) AS at FROM clicks_pageevent e
     WHERE e.tenant_id = %(tenant_id)s AND e.name = 'initiate_checkout'
       AND e.occurred_at >= %(before)s AND e.occurred_at < %(until)s
     GROUP BY e.session_id) page
    CROSS JOIN LATERAL (
        SELECT k.* FROM clicks_click k WHERE k.session_id = page.session_id AND {_clicks_from("earliest")}
        ORDER BY k.id DESC LIMIT 1) k
    JOIN clicks_session s ON s.id = k.session_id
    {_SEEN}"""


def _rows(source: str, at: str, example: str, conditions: Mapping[Any, str]) -> str:
    columns = "".join(f", ({condition}) AS {name}" for name, condition in conditions.items())
    return f"SELECT k.session_id, {at} >= %(since)s AS is_current, {example} AS example{columns} FROM {source}"


def _count(rows: str, signals: Sequence[Signal], causes: Sequence[Cause]) -> str:
    tallies = "".join(f", count(*) FILTER (WHERE {name}), count({name})" for name in signals)
    found = "".join(f", count(*) FILTER (WHERE {name}), max(example) FILTER (WHERE {name})" for name in causes)
    return f"""WITH counted AS MATERIALIZED ({rows})
        SELECT is_current, count(*){tallies}{found} FROM counted GROUP BY is_current"""


@dataclass(frozen=True, slots=True)
class _Question:
    """A statement, and what its columns are after the first two: pairs of numbers, then number and example."""

    stage: Stage
    statement: str
    signals: tuple[Signal, ...]
    causes: tuple[Cause, ...]


def _ask(stage: Stage, rows: str, signals: Sequence[Signal] = (), causes: Sequence[Cause] = ()) -> _Question:
    return _Question(stage, _count(rows, signals, causes), tuple(signals), tuple(causes))


_CLICK_ROWS = f"""clicks_click k JOIN clicks_session s ON s.id = k.session_id {_SEEN}
    WHERE {_clicks_from("before")}"""
_OPEN_ROWS = f"{_ORDERS} AND c.approved_at IS NULL AND c.status IN ('pending', 'abandoned')"
_SOLD_ROWS = f"{_ORDERS} AND c.approved_at IS NOT NULL"
# A checkout that the gateway told of too is one checkout.
_CHECKOUT_ROWS = f"""
    WITH ordered AS ({_rows(_OPEN_ROWS, "c.occurred_at", "c.order_id", _ORDER_SIGNALS)})
    SELECT * FROM ordered UNION ALL
    SELECT * FROM ({_rows(_CHECKOUTS, "page.at", "s.public_id", _VISIT_SIGNALS)}) seen
    WHERE NOT EXISTS (SELECT FROM ordered WHERE ordered.session_id = seen.session_id)"""
# Signs that only show beside other clicks. `fbclid` in C collation: letters are ASCII, and sorting is by byte.
_PEER_CAUSES: Mapping[Cause, str] = {
    Cause.CHANGING_FBP: """min(nullif(k.fbp, '') COLLATE "C") OVER (PARTITION BY k.session_id)
        <> max(k.fbp COLLATE "C") OVER (PARTITION BY k.session_id)""",
    Cause.CASE_MANGLED_FBCLID: f"""k.fbclid <> '' AND (
        k.fbclid <> first_value(k.fbclid) OVER (PARTITION BY md5(lower(k.fbclid COLLATE "C")) ORDER BY k.id)
        OR (k.fbclid IN (lower(k.fbclid COLLATE "C"), upper(k.fbclid COLLATE "C"))
            AND length(regexp_replace(k.fbclid, '[^A-Za-z]', '', 'g')) >= {_LETTERS_OF_ONE_CASE}))""",
}
_PEER_ROWS = f"clicks_click k WHERE {_clicks_from('since')}"
_QUESTIONS = (
    _ask(
        Stage.CLICKS,
        _rows(_CLICK_ROWS, "k.clicked_at", "k.public_id", {**_VISIT_SIGNALS, **_CLICK_CAUSES}),
        list(_VISIT_SIGNALS),
        list(_CLICK_CAUSES),
    ),
    _ask(
        Stage.CLICKS,
        _rows(_PEER_ROWS, "k.clicked_at", "k.public_id", _PEER_CAUSES),
        causes=list(_PEER_CAUSES),
    ),
    _ask(Stage.CHECKOUTS, _CHECKOUT_ROWS, list(_ORDER_SIGNALS)),
    _ask(
        Stage.SALES,
        _rows(_SOLD_ROWS, "c.occurred_at", "c.order_id", {**_ORDER_SIGNALS, **_SALE_CAUSES}),
        list(_ORDER_SIGNALS),
        list(_SALE_CAUSES),
    ),
)


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` up to but without `until`; the period before it has the same length."""

    since: datetime
    until: datetime

    @property
    def before(self) -> datetime:
        return self.since - (self.until - self.since)


def count_signals(
    tenant_id: uuid.UUID, funnel_id: uuid.UUID, period: Period
) -> tuple[dict[Stage, Counts], dict[Stage, Counts]]:
    """What each stage held in `period` and in the one before; a stage without rows is absent.

    Raises TooMuchToCount after MAX_SECONDS in all. Opens a transaction of its own, and must not be called in another:
    the limit on its statements ends with it.
    """
    values: dict[str, uuid.UUID | datetime] = {
        "tenant_id": tenant_id,
        "funnel_id": funnel_id,
        "since": period.since,
        "until": period.until,
        "before": period.before,
        "earliest": period.before - _LONGEST_SESSION,
    }
    counted: dict[bool, dict[Stage, Counts]] = {True: {}, False: {}}
    deadline = monotonic() + MAX_SECONDS
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        for question in _QUESTIONS:
            for is_current, *numbers in _rows_by(cursor, deadline, question.statement, values):
                stages = counted[is_current]
                stages[question.stage] = _read(question, numbers, stages.get(question.stage, Counts()))
    return counted[True], counted[False]


def _rows_by(cursor: CursorWrapper, deadline: float, statement: str, values: Mapping[str, Any]) -> list[Any]:
    """The statement's rows, if the database has them before the deadline."""
    left_ms = max(1, int(1000 * (deadline - monotonic())))
    cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(left_ms)])
    try:
        cursor.execute(statement, values)
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise TooMuchToCount from error
        raise
    rows: list[Any] = cursor.fetchall()
    return rows


def _read(question: _Question, numbers: Sequence[Any], known: Counts) -> Counts:
    """One row's answer, added to what an earlier question told of the stage."""
    total, *rest = numbers
    pairs = list(zip(rest[::2], rest[1::2], strict=True))
    tallied, found = pairs[: len(question.signals)], pairs[len(question.signals) :]
    return Counts(
        total=total,
        tallies={**known.tallies, **{name: Tally(*pair) for name, pair in zip(question.signals, tallied, strict=True)}},
        found={**known.found, **{name: Found(*pair) for name, pair in zip(question.causes, found, strict=True)}},
    )
