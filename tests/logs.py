"""What is logged, line by line. structlog's own helper misses loggers that were in use before."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class _Keeper(logging.Handler):
    """Keeps each structured line with its level under `log_level`."""

    def __init__(self, lines: list[dict[str, Any]]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        if isinstance(record.msg, dict):
            self._lines.append({**record.msg, "log_level": record.msg["level"]})


@contextmanager
def capture_logs() -> Iterator[list[dict[str, Any]]]:
    """The lines that are logged within, as the allow-list lets them out."""
    lines: list[dict[str, Any]] = []
    keeper = _Keeper(lines)
    logging.getLogger().addHandler(keeper)
    try:
        yield lines
    finally:
        logging.getLogger().removeHandler(keeper)
