"""What is remembered, for how long, and how much of it."""

import time

from apps.core.remember import Remembered


def test_an_answer_is_recalled_until_it_is_forgotten() -> None:
    answers: Remembered[str, int] = Remembered(seconds=60)

    kept = answers.keep("a", 1)

    assert (kept, answers.recall("a"), answers.recall("b")) == (1, 1, None)
    answers.forget()
    assert answers.recall("a") is None


def test_a_stale_answer_is_no_answer() -> None:
    answers: Remembered[str, int] = Remembered(seconds=0)

    answers.keep("a", 1)
    time.sleep(0.001)

    assert answers.recall("a") is None


def test_a_full_memory_starts_anew_instead_of_growing() -> None:
    answers: Remembered[int, int] = Remembered(seconds=60, size=10)

    for number in range(25):
        answers.keep(number, number)

    assert [number for number in range(25) if answers.recall(number) is not None] == [20, 21, 22, 23, 24]
