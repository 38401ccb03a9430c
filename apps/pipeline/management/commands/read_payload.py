"""`manage.py read_payload <gateway> <file>`: how the hub reads a body, field by field. Exit 0 if it can, else 1."""

import json
import sys
import textwrap
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.gateways.base import Adapter
from apps.gateways.contract import Difference, contract_of
from apps.gateways.errors import PayloadError
from apps.gateways.events import Kind
from apps.gateways.payload import Payload
from apps.gateways.provenance import Explanation, Origin, explain
from apps.gateways.recognise import likely_gateway
from apps.gateways.registry import ADAPTERS
from apps.gateways.request import WebhookRequest
from apps.pipeline.management.tools import columns, printable, request_of

WIDTH = 100
LONGEST_VALUE = 60
THE_ADAPTERS_OWN = "(the adapter's own)"


@dataclass(frozen=True, slots=True)
class Report:
    """What is known of one file. `explanation` is None when it cannot be read, `stopped` when it can.

    A message with an unknown word is explained and not read: the hub keeps it until the word is in the table.
    """

    gateway: str
    is_read: bool
    explanation: Explanation | None
    stopped: Difference | None
    unknown_words: list[str]
    new_fields: list[str]
    differences: list[Difference]
    likely_gateway: str | None


class Command(BaseCommand):
    """Prints the buyer in clear: the file holds no less. Values of the token that proves the sender are not shown."""

    help = "Show how the hub reads a gateway's body: each field, its value and where it comes from."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("gateway", choices=sorted(ADAPTERS))
        parser.add_argument("file", type=Path, help="a body as the gateway posts it; .form files are forms")
        parser.add_argument("--form", action="store_true", help="it is a form, whatever its name")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            request = request_of(options["file"], is_form=options["form"])
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be opened: {error.strerror}.") from error
        report = _examine(ADAPTERS[options["gateway"]], request)
        text = (
            json.dumps(asdict(report), default=_text, ensure_ascii=False, indent=2)
            if options["json"]
            else _render(report)
        )
        self.stdout.write(text)
        if not report.is_read:
            sys.exit(1)


def _examine(adapter: Adapter, request: WebhookRequest) -> Report:
    explanation, stopped, words = None, None, list[str]()
    try:
        explanation = explain(adapter, request)
        words = [event.vendor_event for event in adapter.parse(request) if event.kind is Kind.UNKNOWN]
    except PayloadError as error:
        stopped = Difference(error.path, error.expected, error.found)
    is_read = stopped is None and not words
    other = None if is_read else likely_gateway(request)
    return Report(
        gateway=adapter.slug,
        is_read=is_read,
        explanation=explanation,
        stopped=stopped,
        unknown_words=words,
        new_fields=sorted(_new_fields(adapter, request)) if is_read else [],
        differences=[] if is_read else list(_differences(adapter, request)),
        likely_gateway=None if other is adapter or other is None else other.slug,
    )


def _new_fields(adapter: Adapter, request: WebhookRequest) -> Iterator[str]:
    for prefix, message in _messages(adapter, request):
        for path in contract_of(adapter).new_fields(message.value):
            yield prefix + path


def _differences(adapter: Adapter, request: WebhookRequest) -> Iterator[Difference]:
    for prefix, message in _messages(adapter, request):
        for found in contract_of(adapter).differences(message.value, _word_of(adapter, message)):
            yield replace(found, path=prefix + found.path)


def _messages(adapter: Adapter, request: WebhookRequest) -> list[tuple[str, Payload]]:
    """What the contract compares: messages without their envelopes, numbered where there are several."""
    try:
        messages = adapter.messages(request)
    except PayloadError:
        return []
    return [(f"{number}." if len(messages) > 1 else "", message) for number, message in enumerate(messages)]


def _word_of(adapter: Adapter, message: Payload) -> str:
    try:
        return message.identifier(*adapter.event_paths)
    except PayloadError:
        return ""


def _render(report: Report) -> str:
    blocks = [*_render_failure(report), *(_render_explanation(report.explanation) if report.explanation else ())]
    if report.new_fields:
        blocks.append(_list_paths("New: in no fixture of this gateway and not in its fields.txt", report.new_fields))
    return "\n\n".join(blocks)


def _render_failure(report: Report) -> Iterator[str]:
    label = ADAPTERS[report.gateway].label
    if report.stopped:
        place = report.stopped
        yield f"Not read: {place.path}: expected {place.expected}, found {place.found}."
    for word in report.unknown_words:
        similar = get_close_matches(word, ADAPTERS[report.gateway].event_types, cutoff=0.7)
        hint = f" Known and similar: {', '.join(similar)}." if similar else ""
        yield f"Unknown word: {label}'s table has no {word!r}, so the hub keeps the message until it has.{hint}"
    if report.likely_gateway:
        other = ADAPTERS[report.likely_gateway]
        yield f"This looks like a body of {other.label}: try `read_payload {other.slug}`."
    elif report.differences:
        rows = [("path", "expected", "found"), *((row.path, row.expected, row.found) for row in report.differences)]
        yield f"Differences from the bodies that {label} is known to send:\n{columns(rows)}"


def _render_explanation(explanation: Explanation) -> Iterator[str]:
    for number, origins in enumerate(explanation.events, start=1):
        title = f"Event {number} of {len(explanation.events)}\n" if len(explanation.events) > 1 else ""
        yield title + columns([("field", "value", "comes from"), *map(_row_of, origins)])
    groups = {
        "Proves the sender": explanation.proofs,
        "Read, and kept in no field": explanation.checked,
        "Not used": explanation.unused,
        "Empty": explanation.empty,
    }
    yield from (_list_paths(title, paths) for title, paths in groups.items() if paths)


def _row_of(origin: Origin) -> tuple[str, str, str]:
    value = _text(origin.value)
    shown = value if len(value) <= LONGEST_VALUE else f"{value[: LONGEST_VALUE - 1]}…"
    return origin.name, shown, ", ".join(origin.paths) or THE_ADAPTERS_OWN


def _list_paths(title: str, paths: tuple[str, ...] | list[str]) -> str:
    text = f"{title}: {', '.join(map(printable, paths))}"
    return textwrap.fill(text, WIDTH, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False)


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value.isoformat() if isinstance(value, datetime) else str(value)
