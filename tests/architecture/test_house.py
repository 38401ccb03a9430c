"""What import-linter cannot see: foreign keys, names in strings, framework habits that this house avoids."""

import ast

from django.apps import apps as registry
from django.db import models

from tests.architecture.figures import CODE, read_modules

# Lower number, lower floor; apps on one floor know nothing of each other (docs/architecture.md).
FLOORS = {
    "core": 0,
    "tenants": 1,
    "gateways": 1,
    "sandbox": 1,
    "funnels": 2,
    "clicks": 3,
    "conversions": 3,
    "matching": 4,
    "dispatch": 5,
    "analytics": 6,
    "pipeline": 7,
    "assistant": 7,
    "privacy": 7,
    "monitoring": 7,
}
MODULES = read_modules(*CODE)
OURS = [model for model in registry.get_models() if model.__module__.startswith("apps.")]


def test_every_app_has_a_floor() -> None:
    named = {module.path.parent.name for module in MODULES if module.where.count("/") == 2 and "apps/" in module.where}

    assert named
    assert named <= FLOORS.keys()


def test_foreign_keys_point_down() -> None:
    upward = [
        f"{model._meta.label}.{relation.name} -> {target._meta.label}"
        for model in OURS
        for relation in model._meta.get_fields()
        if isinstance(relation, models.ForeignKey | models.OneToOneField | models.ManyToManyField)
        and (target := relation.related_model) in OURS
        and target._meta.app_label != model._meta.app_label
        and FLOORS[target._meta.app_label] >= FLOORS[model._meta.app_label]
    ]

    assert OURS
    assert upward == []


def _calls(name: str) -> list[str]:
    return [
        f"{module.where}:{node.lineno}"
        for module in MODULES
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and (getattr(node.func, "attr", None) == name or getattr(node.func, "id", None) == name)
    ]


def test_nothing_is_reached_by_its_name_in_a_string() -> None:
    """Such a call would pass every import rule."""
    assert {name: _calls(name) for name in ("get_model", "send_task", "import_string", "import_module")} == {
        "get_model": [],
        "send_task": [],
        "import_string": [],
        "import_module": [],
    }


def test_there_are_no_django_signals() -> None:
    users = [
        module.where
        for module in MODULES
        if any(name.startswith(("django.", "celery.")) and "signals" in name for name in module.imports())
    ]

    assert users == []


def test_business_delays_are_never_left_to_the_broker() -> None:
    delayed = [
        f"{module.where}:{node.lineno}"
        for module in MODULES
        for node in ast.walk(module.tree)
        if isinstance(node, ast.keyword) and node.arg in ("countdown", "eta")
    ]

    assert delayed == []


def test_only_one_client_calls_out() -> None:
    """All outbound HTTP goes through apps.core.http; the demo is a client of the hub itself."""
    callers = {
        module.where
        for module in MODULES
        if any(name.split(".")[0] in ("requests", "urllib3", "httpx", "aiohttp") for name in module.imports())
    }

    assert {place for place in callers if not place.startswith(("apps/core/", "apps/pipeline/demo/"))} == {
        "apps/pipeline/management/commands/demo.py"
    }
