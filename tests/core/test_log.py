"""Logs: an event word and named facts; nothing personal or secret whatever is passed along."""

import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from apps.core.log import (
    ALLOWED_FIELDS,
    HIDDEN,
    correlated,
    current_request_id,
    get_logger,
    keep_allowed,
    logging_config,
    new_request_id,
    place_of_error,
    redact,
    scrub_report,
)

EMAIL = "canary.beatriz@example.com"
PHONE = "+55 11 98765-4321"
TOKEN = "EAABcanaryTOKEN"
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """What the console handler would print from here on, each line decoded."""
    formatter = logging_config(level="INFO", pretty=False)["formatters"]["structured"]
    printed = io.StringIO()
    handler = logging.StreamHandler(printed)
    handler.setFormatter(formatter.pop("()")(**formatter))
    logging.getLogger().addHandler(handler)
    yield lambda: [json.loads(line) for line in printed.getvalue().splitlines()]
    logging.getLogger().removeHandler(handler)


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("POST /api/v1/webhooks/hotmart/abc123def HTTP/1.1", "POST /api/v1/webhooks/hotmart/[key] HTTP/1.1"),
        ('"/api/v1/webhooks/hotmart/abc123def"', '"/api/v1/webhooks/hotmart/[key]"'),
        ("/api/v1/webhooks/stripe/abc/?x=1", "/api/v1/webhooks/stripe/[key]/?x=1"),
        (f"no mailbox {EMAIL}, sorry", "no mailbox [email], sorry"),
        ("?email=ana%40example.com&x=1", "?email=[email]&x=1"),
        (f"access_token={TOKEN}&x=1", "access_token=[secret]&x=1"),
        (f"{{'access_token': '{TOKEN}', 'x': 1}}", "{'access_token': '[secret]', 'x': 1}"),
        (f'{{"secret":"{TOKEN}"}}', '{"secret":"[secret]"}'),
        ("hottok: abc", "hottok: [secret]"),
        (f"Bearer {TOKEN}", "Bearer [secret]"),
        ("password=hunter2", "password=[secret]"),
        (f"call {PHONE} now", "call [number] now"),
        ("CPF 123.456.789-09", "CPF [number]"),
        ("order 12345 took 12 ms", "order 12345 took 12 ms"),
        ("relay.started", "relay.started"),
    ],
)
def test_free_text_is_redacted(text: str, redacted: str) -> None:
    assert redact(text) == redacted


def test_an_authorization_header_leaves_nothing_of_its_key() -> None:
    assert "hub_0123456789" not in redact("{'Authorization': 'Bearer hub_0123456789'}")
    assert "hub_0123456789" not in redact("Authorization: Bearer hub_0123456789")


def test_a_field_outside_the_list_is_hidden() -> None:
    event = keep_allowed(None, "info", {"event": "sale", "gateway": "hotmart", "email": EMAIL, "body": {"cpf": 1}})

    assert event == {"event": "sale", "gateway": "hotmart", "email": HIDDEN, "body": HIDDEN}


def test_no_allowed_field_is_by_its_name_personal_or_secret() -> None:
    forbidden = (
        "email",
        "phone",
        "name",
        "token",
        "secret",
        "key",
        "body",
        "payload",
        "ip",
        "user_agent",
        "url",
        "path",
    )

    assert not ALLOWED_FIELDS & set(forbidden)


def test_a_line_carries_the_request_id_of_its_block(lines: Lines) -> None:
    with correlated("request-0001", gateway="hotmart"):
        get_logger("test").warning("webhook.refused", reason="mismatch")
    get_logger("test").warning("relay.started")

    inside, outside = lines()
    assert (inside["correlation_id"], inside["gateway"], inside["reason"]) == ("request-0001", "hotmart", "mismatch")
    assert (inside["event"], inside["level"]) == ("webhook.refused", "warning")
    assert inside["timestamp"].endswith("Z")
    assert "correlation_id" not in outside


def test_the_request_id_is_readable_within_its_block_only() -> None:
    with correlated("outer-request"):
        with correlated("inner-request"):
            inner = current_request_id()
        outer = current_request_id()

    assert (inner, outer, current_request_id()) == ("inner-request", "outer-request", "")


def test_new_request_ids_differ() -> None:
    assert len({new_request_id() for _ in range(100)}) == 100


def _fail() -> None:
    raise ValueError(f"Key (email)=({EMAIL}) already exists")


def test_an_exception_becomes_its_type_and_place(lines: Lines) -> None:
    try:
        _fail()
    except ValueError as error:
        get_logger("test").exception("match.row_failed", exc_info=error, conversion_id=7)

    (line,) = lines()
    assert (line["error_type"], line["conversion_id"]) == ("ValueError", 7)
    module, number = line["error_where"].rsplit(":", 1)
    assert module.endswith("test_log")
    assert int(number) == _fail.__code__.co_firstlineno + 1
    assert EMAIL not in json.dumps(line)


@pytest.mark.parametrize("form", ["error", "tuple", "true"])
def test_an_exception_is_understood_in_every_form(form: str) -> None:
    try:
        _fail()
    except ValueError as error:
        forms = {"error": error, "tuple": (ValueError, error, error.__traceback__), "true": True}
        event = place_of_error(None, "error", {"event": "x", "exc_info": forms[form]})

    assert event["error_type"] == "ValueError"
    assert sorted(event) == ["error_type", "error_where", "event"]


def test_no_exception_adds_nothing() -> None:
    assert place_of_error(None, "info", {"event": "x", "exc_info": None}) == {"event": "x"}


def test_a_librarys_record_passes_the_same_list(lines: Lines) -> None:
    library = logging.getLogger("some.package")
    try:
        _fail()
    except ValueError:
        library.exception("could not send to %s", EMAIL, extra={"email": EMAIL, "token": TOKEN}, stack_info=True)

    (line,) = lines()
    assert line["event"] == "could not send to [email]"
    assert line["error_type"] == "ValueError"
    assert EMAIL not in json.dumps(line)
    assert TOKEN not in json.dumps(line)


def test_warnings_are_logged_like_anything_else(lines: Lines) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.getLogger("py.warnings").warning("%s", f"odd value {PHONE}")

    assert lines()[0]["event"] == "odd value [number]"


def test_a_report_leaves_without_what_it_could_quote() -> None:
    report = {
        "request": {"data": EMAIL},
        "user": {"email": EMAIL},
        "extra": {"body": EMAIL},
        "breadcrumbs": [{"message": EMAIL}],
        "exception": {"values": [{"type": "ValueError", "value": f"{EMAIL} {PHONE}"}]},
        "logentry": {"message": f"token={TOKEN}", "params": [EMAIL], "formatted": EMAIL},
        "level": "error",
    }

    assert scrub_report(report, {}) == {
        "exception": {"values": [{"type": "ValueError", "value": "[email] [number]"}]},
        "logentry": {"message": "token=[secret]"},
        "level": "error",
    }


@pytest.mark.parametrize("report", [{}, {"exception": None}, {"exception": {"values": None}}, {"logentry": None}])
def test_a_report_of_any_shape_passes(report: dict[str, Any]) -> None:
    assert scrub_report(dict(report), {}) == report


def test_a_report_of_a_trace_tells_no_address_that_was_called() -> None:
    span = {
        "op": "http.client",
        "description": "GET https://graph.facebook.com/debug_token?input_token=EAABcanaryTOKEN",
        "data": {"http.query": "input_token=EAABcanaryTOKEN"},
    }

    assert scrub_report({"spans": [span]}, {}) == {
        "spans": [
            {
                "op": "http.client",
                "description": "GET https://graph.facebook.com/debug_token?input_token=[secret]",
            }
        ]
    }
    assert scrub_report({"spans": None}, {}) == {"spans": None}
