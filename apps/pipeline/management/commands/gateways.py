"""`manage.py gateways [--lines]`: every gateway of the registry; with --lines, how little each of them is."""

from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from apps.gateways.base import Adapter
from apps.gateways.registry import ADAPTERS
from apps.pipeline.management.tools import columns, fixtures_of, folder_of

_HEAD = ("gateway", "name", "proof of the sender", "click id in", "words", "fixtures", "credentials")
_HEAD_OF_LINES = ("gateway", "adapter.py", "other code", "doc", "fixtures", "files")


class Command(BaseCommand):
    """Reads no database."""

    help = "List the gateways that the hub speaks with."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--lines", action="store_true", help="count the lines of each gateway's folder instead")

    def handle(self, *args: Any, **options: Any) -> None:
        head, row_of = (_HEAD_OF_LINES, _count_lines) if options["lines"] else (_HEAD, _describe)
        self.stdout.write(columns([head, *(row_of(adapter) for adapter in ADAPTERS.values())]))


def _describe(adapter: Adapter) -> tuple[object, ...]:
    return (
        adapter.slug,
        adapter.label,
        adapter.verifier.strength,
        adapter.click_id_field,
        len(adapter.event_types),
        len(fixtures_of(adapter)),
        "can be checked" if adapter.api else "-",
    )


def _count_lines(adapter: Adapter) -> tuple[object, ...]:
    """Lines of each part, and the number of files; what is expected of a fixture counts with it."""
    files = [path for path in folder_of(adapter).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    code = [path for path in files if path.suffix == ".py"]
    adapters = [path for path in code if path.name == "adapter.py"]
    docs = [path for path in files if path.suffix == ".md"]
    fixtures = [path for path in files if path not in {*code, *docs}]
    others = [path for path in code if path not in adapters]
    return (adapter.slug, *map(_lines, (adapters, others, docs, fixtures)), len(files))


def _lines(paths: Iterable[Path]) -> int:
    return sum(len(path.read_text().splitlines()) for path in paths)
