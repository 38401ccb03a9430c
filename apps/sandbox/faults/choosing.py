"""Which rule of a script holds for a request. Pure, but for whoever counts."""

from collections.abc import Callable
from random import Random

from apps.sandbox.faults.script import Asked, Rule, Script

Count = Callable[[int], int]
"""The number, from 1, of the request that fits the rule at this index; asking counts it."""


def choose(script: Script, asked: Asked, elapsed_s: float, count: Count) -> Rule | None:
    """The first rule that holds. What fits a rule that counts is counted even if the rule lets it pass."""
    for index, rule in enumerate(script.rules):
        if not rule.fits(asked, elapsed_s):
            continue
        if not rule.counts or _is_hit(rule, f"{script.seed}/{index}", count(index)):
            return rule
    return None


def _is_hit(rule: Rule, seed: str, number: int) -> bool:
    is_in_range = rule.first <= number and (rule.last is None or number <= rule.last)
    return is_in_range and Random(f"{seed}/{number}").random() < rule.share  # noqa: S311 - repeatable on purpose
