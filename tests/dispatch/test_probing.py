"""Which event probes an open breaker."""

from dataclasses import dataclass

from apps.dispatch.probing import choose_probe


@dataclass(frozen=True)
class One:
    name: str
    attempts: int = 0
    is_unsure: bool = False


def chosen(*due: One) -> str:
    return choose_probe(due, lambda one: one.attempts, lambda one: one.is_unsure).name


def test_the_one_that_was_tried_least_probes() -> None:
    assert chosen(One("a", 3), One("b", 1), One("c", 2)) == "b"


def test_of_equals_the_most_urgent_probes() -> None:
    assert chosen(One("a", 1), One("b", 1)) == "a"


def test_once_a_few_are_in_doubt_no_others_are_put_at_risk() -> None:
    doubtful = [One(f"doubtful-{number}", attempts=number + 5, is_unsure=True) for number in range(5)]

    assert chosen(One("fresh"), *doubtful) == "doubtful-0"
    assert chosen(One("fresh"), *doubtful[:4]) == "fresh"
