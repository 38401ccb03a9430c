"""Structured logs: one event word and named facts a line, the request id on each, and nothing outside the allow-list.

The allow-list is the guard of DESIGN promise 5: a field that is not named here is replaced by `[hidden]`, so personal
data and secrets cannot reach a log, an error report or a label by being passed along.
"""

import contextlib
import logging
import re
import secrets
import sys
from collections.abc import Iterator, MutableMapping
from typing import Any

import structlog

# fmt: off
ALLOWED_FIELDS = frozenset((
    "event", "level", "timestamp", "logger", "request_id", "correlation_id", "tenant_id", "funnel_id",
    "endpoint_id", "destination_id", "delivery_id", "conversion_id", "match_id", "event_id", "send_id",
    "attempt_id", "session_id", "gateway", "platform", "outcome", "kind", "status", "code", "subcode", "reason",
    "rule", "decision", "confidence", "count", "rows", "batch", "lane", "queue", "task", "elapsed_ms", "bytes",
    "path_template", "method", "error_type", "error_where", "attempts", "retry_in_s", "version", "host", "port",
    "pid", "url_host", "step", "process", "batch_id", "breaker", "what",
))
# fmt: on
HIDDEN = "[hidden]"
# The last part of a webhook's path is its secret; e-mail addresses, tokens and long digit runs are personal or secret.
_SECRETS = [
    (re.compile(r"(/api/v1/webhooks/[\w-]+/)[^\s/?\"']+"), r"\1[key]"),
    (re.compile(r"[\w.+-]+(?:@|%40)[\w-]+\.[\w.-]+"), "[email]"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[^\s'\",}]+"), r"\1 [secret]"),
    (
        re.compile(
            r"(?i)(access_token|token|secret|password|authorization|hottok)(['\"]?\s*[=:]\s*['\"]?)[^\s&'\",}]+"
        ),
        r"\1\2[secret]",
    ),
    (re.compile(r"\+?\d[\d\s().-]{8,}\d"), "[number]"),
]

EventDict = MutableMapping[str, Any]


def redact(text: str) -> str:
    """`text` without webhook keys, e-mail addresses, tokens and long numbers."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def keep_allowed(logger: object, method: str, event: EventDict) -> EventDict:
    """structlog processor: hide every field that the allow-list does not name; redact free text."""
    for name, value in event.items():
        if name.startswith("_"):
            continue
        if name not in ALLOWED_FIELDS:
            event[name] = HIDDEN
        elif name == "event":
            event[name] = redact(str(value))
    return event


def place_of_error(logger: object, method: str, event: EventDict) -> EventDict:
    """structlog processor: an exception becomes its type and place; its text may quote personal data."""
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        event["error_type"] = type(error).__name__
        event["error_where"] = _innermost_place(error)
    return event


def _innermost_place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}" if trace else "?"


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    place_of_error,
    keep_allowed,
]


def logging_config(*, level: str, pretty: bool) -> dict[str, Any]:
    """The LOGGING dict: structlog's own events and every library's records through the same allow-list."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer = structlog.dev.ConsoleRenderer() if pretty else structlog.processors.JSONRenderer()
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
                "foreign_pre_chain": [structlog.stdlib.ExtraAdder(allow=[]), *_SHARED],
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            "django.request": {"level": "ERROR"},
            "django.security": {"level": "ERROR"},
            "kombu": {"level": "WARNING"},
            "amqp": {"level": "WARNING"},
            "celery": {"level": "WARNING"},
        },
    }


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger


def new_request_id() -> str:
    return secrets.token_hex(16)


def current_request_id() -> str:
    """The id that follows this sale through web, worker and attempts; empty outside any."""
    return str(structlog.contextvars.get_contextvars().get("correlation_id", ""))


@contextlib.contextmanager
def correlated(correlation_id: str, **facts: Any) -> Iterator[None]:
    """Every log line within carries `correlation_id` (and `facts`)."""
    with structlog.contextvars.bound_contextvars(correlation_id=correlation_id, **facts):
        yield


def scrub_report(event: Any, hint: dict[str, Any]) -> Any:
    """Sentry's before_send: no request data, no user, redacted texts; of a request out, no address with its query."""
    for private in ("request", "user", "extra", "breadcrumbs"):
        event.pop(private, None)
    for value in (event.get("exception") or {}).get("values") or []:
        value["value"] = redact(str(value.get("value", "")))
    for span in event.get("spans") or []:
        span.pop("data", None)
        span["description"] = redact(str(span.get("description", "")))
    if isinstance(event.get("logentry"), dict):
        event["logentry"] = {"message": redact(str(event["logentry"].get("message", "")))}
    return event


logging.captureWarnings(capture=True)
