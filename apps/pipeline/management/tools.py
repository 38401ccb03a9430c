"""What the commands for developers share: fixtures by name, and columns on a terminal."""

from collections.abc import Sequence
from pathlib import Path

import apps.gateways
from apps.gateways.base import Adapter
from apps.gateways.decoding import FORM_TYPE
from apps.gateways.request import WebhookRequest

EXPECTATION = ".expected.json"


def folder_of(adapter: Adapter) -> Path:
    return Path(apps.gateways.__file__).parent / adapter.slug


def fixtures_of(adapter: Adapter) -> list[Path]:
    """Bodies only, by name; what is expected of them stands beside them."""
    found = (folder_of(adapter) / "fixtures").iterdir()
    return sorted(path for path in found if not path.name.endswith(EXPECTATION))


def request_of(path: Path, *, is_form: bool = False) -> WebhookRequest:
    """The file as its gateway would post it, unsigned. A file's last line end is no part of the body."""
    content_type = FORM_TYPE if is_form or path.suffix == ".form" else "application/json"
    return WebhookRequest(path.read_bytes().strip(), {"content-type": content_type})


def columns(rows: Sequence[Sequence[object]]) -> str:
    """Lines with aligned columns, two blanks apart."""
    texts = [[printable(str(cell)) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in texts)
    return "\n".join(lines)


def printable(text: str) -> str:
    """A body may hold line ends and a terminal's control codes; those are shown, not obeyed."""
    return text if text.isprintable() else repr(text)[1:-1]
