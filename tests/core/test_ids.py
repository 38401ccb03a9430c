"""Ids that travel through gateways and come back, whole, glued to other words, or in capitals."""

import re
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.core.ids import CLICK_PREFIX, SESSION_PREFIX, find_carried_ids, new_id

steady = settings(deadline=None, derandomize=True)
CLICK = "htc0123456789abcdefghijklmn"
OTHER_CLICK = "htcvvvvvvvvvvvvvvvvvvvvvvvv"
SESSION = "hts0123456789abcdefghijklmn"


@pytest.mark.parametrize("prefix", [CLICK_PREFIX, SESSION_PREFIX])
def test_an_id_is_url_safe_and_short_enough_for_every_gateway(prefix: str) -> None:
    made = new_id(prefix)

    assert re.fullmatch(rf"{prefix}[0-9a-v]{{24}}", made)
    assert len(made) <= 32


def test_ids_do_not_repeat_and_use_the_whole_alphabet() -> None:
    made = [new_id(CLICK_PREFIX) for _ in range(2_000)]

    assert len(set(made)) == 2_000
    for place in range(3, 27):
        assert len({text[place] for text in made}) == 32, place


def test_a_length_can_be_asked_for() -> None:
    assert re.fullmatch(r"hub_[0-9a-v]{40}", new_id("hub_", length=40))


@pytest.mark.parametrize(
    "text",
    [
        CLICK,
        CLICK.upper(),
        f"fb_{CLICK}",
        f"campaign|{CLICK}|adset",
        f"utm_source=fb&click={CLICK}&x=1",
        f"src{CLICK}",
        f"{CLICK}-copy",
        f"{CLICK}_copy",
        f"htchtc{CLICK}",
    ],
)
def test_a_click_id_is_found_wherever_it_was_carried(text: str) -> None:
    assert find_carried_ids(["organic", text]) == (CLICK, None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "htc",
        CLICK[:-1],
        f"{CLICK}x",
        f"{CLICK}0",
        CLICK.replace("0", "w"),
        CLICK.replace("htc", "htx"),
        "https://example.com/?fbclid=IwAR0abcdefghijklmnopqrstuv",
    ],
)
def test_what_is_not_an_id_of_ours_is_not_taken_for_one(text: str) -> None:
    assert find_carried_ids([text]) == (None, None)


def test_the_first_of_each_kind_counts() -> None:
    assert find_carried_ids([SESSION, f"{CLICK} {OTHER_CLICK}", OTHER_CLICK]) == (CLICK, SESSION)


@steady
@given(
    before=st.text(alphabet=string.punctuation + " ÀÉÍ", max_size=20),
    after=st.text(alphabet=string.punctuation + " ÀÉÍ", max_size=20),
    number=st.integers(0, 2**120 - 1),
)
def test_any_id_survives_any_punctuation_around_it(before: str, after: str, number: int) -> None:
    text = "".join("0123456789abcdefghijklmnopqrstuv"[(number >> (5 * place)) & 31] for place in range(24))

    assert find_carried_ids([f"{before}htc{text.upper()}{after}"]) == (f"htc{text}", None)


@steady
@given(st.lists(st.text(max_size=60), max_size=5))
def test_no_text_makes_it_raise(texts: list[str]) -> None:
    found = find_carried_ids(texts)

    assert all(id_ is None or len(id_) == 27 for id_ in found)
