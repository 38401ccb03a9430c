"""The bars of beauty: what is long, deep, bare or swept under a rug fails here, by name."""

import ast

import pytest

from tests.architecture.figures import CODE, ROOT, Module, read_modules

MODULES = read_modules(*CODE)
FUNCTIONS = [function for module in MODULES for function in module.functions()]
MAX_MODULE_LINES, MAX_FUNCTION_LINES, MAX_NESTING = 400, 50, 3
# The outermost guards: whatever goes wrong with one row or one caller must not stop the others.
MAY_CATCH_ANYTHING = {"apps/pipeline/stages.py": 3, "apps/pipeline/trial.py": 1}


def test_there_is_something_to_measure() -> None:
    assert len(MODULES) > 100
    assert len(FUNCTIONS) > 500


def test_no_module_is_long() -> None:
    assert [module.where for module in MODULES if module.lines > MAX_MODULE_LINES] == []


def test_no_function_is_long() -> None:
    assert [function.where for function in FUNCTIONS if function.lines > MAX_FUNCTION_LINES] == []


def test_no_function_is_deep() -> None:
    assert [function.where for function in FUNCTIONS if function.nesting > MAX_NESTING] == []


def test_nearly_every_function_is_annotated() -> None:
    bare = [function.where for function in FUNCTIONS if not function.is_annotated]

    assert 1 - len(bare) / len(FUNCTIONS) >= 0.98, bare


def test_every_module_says_what_it_is() -> None:
    silent = [module.where for module in MODULES if module.statements and not ast.get_docstring(module.tree)]

    assert silent == []


def test_every_public_class_says_what_it_is() -> None:
    silent = [
        f"{module.where} {node.name}"
        for module in MODULES
        for node in module.public_classes()
        if not ast.get_docstring(node)
    ]

    assert silent == []


def test_only_the_outermost_guards_catch_anything() -> None:
    broad: dict[str, int] = {}
    for module in MODULES:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ExceptHandler) and _is_broad(node):
                broad[module.where] = broad.get(module.where, 0) + 1

    assert broad == MAY_CATCH_ANYTHING


def _is_broad(node: ast.ExceptHandler) -> bool:
    return node.type is None or (isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException"))


def test_a_gateway_is_a_small_adapter() -> None:
    adapters = [module for module in MODULES if module.where.endswith("/adapter.py")]

    assert adapters
    assert {module.where: module.lines for module in adapters if module.lines > 80} == {}


def test_tests_outweigh_code() -> None:
    tests = sum(module.statements for module in read_modules("tests"))
    code = sum(module.statements for module in MODULES)

    assert tests / code >= 1.3, f"{tests} lines of tests for {code} of code"


@pytest.mark.parametrize(
    ("source", "depth"),
    [
        ("def f():\n    if a:\n        pass\n    elif b:\n        pass", 1),
        ("def f():\n    for x in y:\n        if x:\n            with z:\n                pass", 3),
    ],
)
def test_the_ruler_itself(source: str, depth: int) -> None:
    (function,) = Module(ROOT / "x.py", source).functions()

    assert function.nesting == depth
    assert function.is_annotated is False
