"""The stack can explain itself even when Django or an app cannot be imported."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubtrack.stack.config import PROJECT

MODULES = sorted((PROJECT / "hubtrack" / "stack").glob("*.py"))


def _imported(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_nothing_of_the_hub_but_the_stack_is_imported(module: Path) -> None:
    own = [name for name in _imported(module) if name.split(".")[0] in ("hubtrack", "apps", "django", "celery")]

    assert [name for name in own if not name.startswith("hubtrack.stack")] == []


def test_the_modules_are_found() -> None:
    assert {"supervisor", "postgres", "cli"} <= {module.stem for module in MODULES}
