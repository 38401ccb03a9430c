"""Figures of a Python tree, read from its syntax; nothing is imported or run."""

import ast
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = ("apps", "hubtrack")
_BLOCKS = (ast.For, ast.While, ast.If, ast.With, ast.Try, ast.Match, ast.AsyncFor, ast.AsyncWith)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_LAYOUT = {
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
    tokenize.COMMENT,
}


@dataclass(frozen=True)
class Function:
    """One function: where it is, how long, how deeply nested, and whether every argument has a type."""

    where: str
    lines: int
    nesting: int
    is_annotated: bool


@dataclass(frozen=True)
class Module:
    """One file of code or tests."""

    path: Path
    source: str = field(repr=False)

    @property
    def where(self) -> str:
        return str(self.path.relative_to(ROOT))

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source)

    @property
    def lines(self) -> int:
        return len(self.source.splitlines())

    @cached_property
    def statements(self) -> int:
        """Lines with code, docstrings and comments left out."""
        docstrings = {
            line
            for node in ast.walk(self.tree)
            if isinstance(node, (ast.Module, ast.ClassDef, *_FUNCTIONS)) and ast.get_docstring(node)
            for line in range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)
        }
        code: set[int] = set()
        for token in tokenize.generate_tokens(io.StringIO(self.source).readline):
            if token.type not in _LAYOUT:
                code.update(range(token.start[0], token.end[0] + 1))
        return len(code - docstrings)

    def functions(self) -> Iterator[Function]:
        for node in ast.walk(self.tree):
            if isinstance(node, _FUNCTIONS):
                yield Function(
                    where=f"{self.where}:{node.lineno} {node.name}",
                    lines=(node.end_lineno or node.lineno) - node.lineno + 1,
                    nesting=_nesting(node.body),
                    is_annotated=_is_annotated(node),
                )

    def public_classes(self) -> Iterator[ast.ClassDef]:
        """Classes that other modules may use; Django's inner Meta is a form to fill in, not a class to explain."""
        nodes = [node for node in ast.walk(self.tree) if isinstance(node, ast.ClassDef)]
        return (node for node in nodes if not node.name.startswith("_") and node.name != "Meta")

    def imports(self) -> Iterator[str]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module


def _nesting(statements: list[ast.stmt], depth: int = 0) -> int:
    """The deepest stack of blocks; an `elif` is no deeper than its `if`, an inner function starts anew."""
    deepest = depth
    for statement in statements:
        if isinstance(statement, _BLOCKS):
            deepest = max(deepest, *(_nesting(body, inner) for body, inner in _bodies(statement, depth)))
    return deepest


def _bodies(statement: ast.stmt, depth: int) -> Iterator[tuple[list[ast.stmt], int]]:
    for name in ("body", "orelse", "finalbody"):
        body = getattr(statement, name, [])
        is_elif = name == "orelse" and len(body) == 1 and isinstance(body[0], ast.If) and isinstance(statement, ast.If)
        yield body, depth if is_elif or not body else depth + 1
    for part in [*getattr(statement, "handlers", []), *getattr(statement, "cases", [])]:
        yield part.body, depth + 1


def _is_annotated(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
    named = [argument for argument in arguments if argument and argument.arg not in ("self", "cls")]
    return node.returns is not None and all(argument.annotation for argument in named)


def read_modules(*folders: str) -> list[Module]:
    """Every module under these folders; migrations are written by a tool and left out."""
    paths = sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return [Module(path, path.read_text()) for path in paths if "migrations" not in path.parts]
