"""Every word that the code can give as a reason, an outcome or a next step has its sentences."""

import ast
import importlib
import re
from collections.abc import Iterator

import pytest
from django.utils.translation import override

from apps.core.http import Reason
from apps.dispatch import explained_words
from apps.dispatch.consent import WITHDRAWN
from apps.dispatch.explanations import explain, explain_next_step, explain_outcome, is_explained
from apps.dispatch.letters.obstacles import Obstacle
from apps.dispatch.letters.rows import MATCHING_FAILED
from apps.dispatch.letters.words import explain_obstacle
from apps.dispatch.meta import errors as meta
from apps.dispatch.registry import PLATFORMS
from apps.dispatch.services.breakers import BY_HAND
from apps.dispatch.services.outbox import REVIEW
from apps.dispatch.tiktok import errors as tiktok
from apps.dispatch.verdict import NextStep, Outcome
from tests.architecture.figures import Module, read_modules

FOLDERS = {"meta": "meta", "tiktok": "tiktok", "http": "http_gateway"}
WRITERS = [
    module
    for module in read_modules("apps/dispatch")
    if module.where.startswith("apps/dispatch/services/") or module.where == "apps/dispatch/fate.py"
]


def _texts(node: ast.AST) -> Iterator[str]:
    """Texts that an expression can be: itself, or either side of a choice."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)


def _reasons(module: Module) -> Iterator[str]:
    """What is given as a `reason=`, as a Fate's second member, or beside a status; and what `_why_excluded` says."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            for keyword in node.keywords:
                if keyword.arg == "reason":
                    yield from _texts(keyword.value)
            if getattr(node.func, "id", "") == "Fate":
                yield from _texts(node.args[1])
        elif isinstance(node, ast.Tuple) and len(node.elts) == 2 and "SendStatus" in ast.dump(node.elts[0]):
            yield from _texts(node.elts[1])
        elif isinstance(node, ast.FunctionDef) and node.name == "_why_excluded":
            for inner in ast.walk(node):
                if isinstance(inner, ast.Return) and inner.value:
                    yield from _texts(inner.value)
    yield from re.findall(r"'(expired_\w+)'", module.source)


def _constants() -> set[str]:
    """The reasons that have a name of their own."""
    return {WITHDRAWN, REVIEW, BY_HAND, "told_by_the_page", MATCHING_FAILED, "quarantined", "unknown"}


def said_by_services() -> set[str]:
    return {text for module in WRITERS for text in _reasons(module)}


def said_by_platforms() -> set[str]:
    graph = {"_".join(str(part) for part in ("graph", *key) if part is not None) for key in meta._ROWS}
    codes = {f"tiktok_{code}" for code in tiktok._ROWS} | {"tiktok_20001", "tiktok_12345"}
    statuses = {f"http_{status}" for status in range(200, 600)} | {f"redirect_{status}" for status in range(300, 400)}
    unknown = {"graph_99999", "graph_190_463", "graph_100_1", "graph_-1"}
    rejected = {"rejected", "rejected_unknown_product", "unreadable_answer"}
    return {*graph, *codes, *statuses, *unknown, *rejected, *(reason.value for reason in Reason)}


def said_by_preflights() -> set[str]:
    codes = {
        code.value
        for folder in FOLDERS.values()
        for code in importlib.import_module(f"apps.dispatch.{folder}.preflight").ProblemCode
    }
    return {f"preflight_{code}" for code in codes}


def everything() -> set[str]:
    own = said_by_services() | said_by_platforms() | said_by_preflights() | _constants()
    return own | {f"gave_up_{reason}" for reason in said_by_platforms()} | {"repaired_fbc", "repaired_ttclid"}


def test_the_walk_finds_what_there_is() -> None:
    assert set(FOLDERS) == set(PLATFORMS)
    assert len(everything()) > 400
    found = said_by_services()
    assert {"worker_died", "unknown_outcome", "too_old", "consent", "replayed", "resumed", "shadow"} <= found
    assert {"expired_parked", "expired_platform_down", "expired_throttled", "accepted_on_resend"} <= found


def test_every_reason_has_its_words() -> None:
    assert sorted(reason for reason in everything() if not is_explained(reason)) == []


def test_no_sentence_is_empty_or_shows_a_placeholder() -> None:
    for reason in everything():
        for text in explain(reason):
            assert text
            assert "%(" not in text
            assert text.endswith("."), (reason, text)


def test_every_outcome_and_next_step_has_its_words() -> None:
    assert all(explain_outcome(outcome) for outcome in Outcome)
    assert explain_outcome("").startswith(str(explained_words.NO_OUTCOME)[:10])
    assert all(explain_next_step(step) for step in NextStep)
    assert explain_next_step("") == ""
    assert all(explain_obstacle(word) for word in Obstacle)


def test_a_word_of_tomorrow_is_shown_as_it_is() -> None:
    with override("en"):
        said = explain("a_word_of_tomorrow")

    assert said.sentence == "The hub has no words for this yet: a_word_of_tomorrow."
    assert said.next_step == "Look at the platform's last answer, and tell support the word."
    assert not is_explained("a_word_of_tomorrow")


@pytest.mark.parametrize(
    "reason", ["graph_", "graph_x", "tiktok_", "http_", "http_x", "preflight_", "preflight_novel", "graph_1_x"]
)
def test_a_family_with_nonsense_behind_it_still_says_something(reason: str) -> None:
    sentence, next_step = explain(reason)

    assert sentence
    assert next_step


@pytest.mark.parametrize(
    ("reason", "begins", "what_to_do"),
    [
        ("graph_190_463", "The platform does not accept the access token", "Make a new token"),
        ("graph_2635", "The platform no longer serves the API version", "Choose a newer version"),
        ("graph_80004", "The platform gets too many requests", "Nothing needs to be done"),
        ("graph_100_33", "The destination was found wrong", "Give the owner of the token access"),
        ("graph_100_2804003", "The platform takes nothing that old", "It cannot be sent any more"),
        ("tiktok_40105", "The platform does not accept the access token", "Make a new token"),
        ("tiktok_40002", "The platform refused it", "Look at what was sent"),
        ("http_503", "The platform had trouble of its own", "Nothing needs to be done"),
        ("http_410", "The destination was found wrong", "Give the owner"),
        ("http_200", "It was sent, and no readable answer came back", "Nothing needs to be done"),
        ("repaired_fbc", "The platform refused the value of fbc", "Nothing needs to be done"),
        ("rejected_unknown_product", "The server at your address refused it, and said: unknown product.", "Look at"),
        ("redirect_301", "The address of the destination answers with a redirect", "Correct the address"),
        (
            "gave_up_http_500",
            "It failed five times while others got through, so it was given up. The last time: The platform had",
            "Look at what was sent",
        ),
        ("read_timeout", "It was sent, and no readable answer came back", "Nothing needs to be done"),
        ("address", "The address of the destination is one that the hub does not send to", "Correct the address"),
    ],
)
def test_families_say_what_their_table_decides(reason: str, begins: str, what_to_do: str) -> None:
    with override("en"):
        sentence, next_step = explain(reason)

    assert sentence.startswith(begins)
    assert next_step.startswith(what_to_do)
