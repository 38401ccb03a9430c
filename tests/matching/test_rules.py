"""The deterministic rules: which click wins, and why each other lost."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.matching.rules import RULES, Candidate, Decision, Reason, Signal, decide

SOLD_AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def click(pk: int, days_before: float, *signals: Signal) -> Candidate:
    return Candidate(pk, f"htc{pk}", SOLD_AT - days_before * DAY, frozenset(signals))


def reasons(decided: object) -> dict[str, str]:
    return {item["click_id"]: item["reason"] for item in decided.evidence}  # type: ignore[attr-defined]


def test_without_candidates_the_sale_is_unmatched() -> None:
    decided = decide(SOLD_AT, 7, [])

    assert (decided.decision, decided.rule, decided.confidence, decided.click_pk) == (Decision.UNMATCHED, "", 0.0, None)
    assert decided.evidence == []


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_alone_decides_with_its_confidence(rule: object) -> None:
    decided = decide(SOLD_AT, 7, [click(1, 1, rule.signal)])  # type: ignore[attr-defined]

    assert (decided.decision, decided.rule) == (Decision.AUTO, rule.name)  # type: ignore[attr-defined]
    assert (decided.confidence, decided.click_pk) == (rule.confidence, 1)  # type: ignore[attr-defined]


def test_the_stronger_signal_wins_over_the_later_click() -> None:
    decided = decide(SOLD_AT, 7, [click(1, 5, Signal.CLICK_ID), click(2, 1, Signal.EMAIL)])

    assert decided.click_pk == 1
    assert reasons(decided) == {"htc1": Reason.WON, "htc2": Reason.WEAKER_SIGNAL}


def test_among_equals_the_last_click_counts() -> None:
    decided = decide(SOLD_AT, 7, [click(1, 5, Signal.EMAIL), click(2, 1, Signal.EMAIL)])

    assert decided.click_pk == 2
    assert reasons(decided) == {"htc2": Reason.WON, "htc1": Reason.EARLIER_CLICK}


def test_a_click_outside_the_window_loses_even_with_the_strongest_signal() -> None:
    decided = decide(SOLD_AT, 7, [click(1, 7.01, Signal.CLICK_ID)])

    assert (decided.decision, decided.click_pk) == (Decision.UNMATCHED, None)
    assert reasons(decided) == {"htc1": Reason.OUTSIDE_WINDOW}
    assert decided.evidence[0]["days_before_sale"] == 7.01


def test_the_window_includes_its_last_moment() -> None:
    assert decide(SOLD_AT, 7, [click(1, 7, Signal.EMAIL)]).click_pk == 1


def test_a_click_after_the_sale_cannot_have_brought_it() -> None:
    decided = decide(SOLD_AT, 7, [click(1, -1, Signal.EMAIL)])

    assert (decided.click_pk, reasons(decided)) == (None, {"htc1": Reason.AFTER_SALE})


def test_an_id_that_came_back_through_the_gateway_proves_the_order_whatever_the_clocks_say() -> None:
    assert decide(SOLD_AT, 7, [click(1, -1, Signal.CLICK_ID)]).click_pk == 1


def test_evidence_names_every_signal_of_every_candidate() -> None:
    decided = decide(SOLD_AT, 7, [click(1, 2, Signal.EMAIL, Signal.PHONE)])

    (item,) = decided.evidence
    assert [signal["name"] for signal in item["signals"] if signal["matched"]] == ["email", "phone"]
    assert len(item["signals"]) == len(RULES)
    assert (item["outcome"], item["score"], item["window_days"]) == ("won", 0.95, 7)


candidates = st.lists(
    st.builds(
        click,
        st.integers(1, 10_000),
        st.floats(-2, 20, allow_nan=False),
        st.sampled_from(Signal),
        st.sampled_from(Signal),
    ),
    max_size=8,
    unique_by=lambda item: item.click_pk,
)


@given(candidates, st.randoms())
def test_the_order_in_which_candidates_are_found_changes_nothing(found: list[Candidate], shuffle: object) -> None:
    shuffled = list(found)
    shuffle.shuffle(shuffled)  # type: ignore[attr-defined]

    assert decide(SOLD_AT, 7, shuffled) == decide(SOLD_AT, 7, found)


@given(candidates)
def test_exactly_the_chosen_one_has_won(found: list[Candidate]) -> None:
    decided = decide(SOLD_AT, 7, found)

    winners = [item["click_id"] for item in decided.evidence if item["outcome"] == "won"]
    chosen = [item.click_id for item in found if item.click_pk == decided.click_pk]
    assert winners == chosen
    assert len(decided.evidence) == len(found)


@given(candidates)
def test_without_the_winner_another_decision_follows(found: list[Candidate]) -> None:
    winner = decide(SOLD_AT, 7, found).click_pk
    others = [item for item in found if item.click_pk != winner]

    if winner is not None:
        assert decide(SOLD_AT, 7, others).click_pk != winner
