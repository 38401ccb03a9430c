"""The record of a decision: read back from JSON it says the same, and what would follow without this or that."""

import json
from dataclasses import replace
from datetime import timedelta
from math import exp
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from apps.matching.facts import Facts, Model, Policy, Sale
from apps.matching.record import decide_again, make_record, read_record
from apps.matching.rules import decide
from apps.matching.scoring import WeightSet
from apps.matching.signals import Signal
from apps.matching.weights import PRODUCT
from tests.matching.cases import (
    ADMITTING,
    SOLD_AT,
    click,
    facts_of,
    policies,
    standing,
    told,
    visit,
    weight_sets,
)

searched = settings(deadline=None, derandomize=True, max_examples=100)
chances = st.randoms(use_true_random=False)


def as_read_back(facts: Facts, policy: Policy, weights: WeightSet) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Record and evidence as a column of JSON gives them back."""
    stored = json.dumps([make_record(facts, policy, weights), decide(facts, policy, weights).evidence])
    record, evidence = json.loads(stored)
    return record, evidence


@searched
@given(facts_of(), policies(), weight_sets)
def test_the_record_reproduces_the_decision_exactly(facts: Facts, policy: Policy, weights: WeightSet) -> None:
    stored = json.loads(json.dumps(weights.to_json()))

    again = decide_again(*as_read_back(facts, policy, weights), WeightSet.from_json(stored))

    decided = decide(facts, policy, weights)
    assert told(again) == told(decided)
    assert (again.click_pk is None) == (decided.click_pk is None)
    assert (again.visit_pk is None) == (decided.visit_pk is None)


@searched
@given(facts_of(at_least=1), policies(), weight_sets)
def test_what_follows_without_the_winner_is_what_the_record_predicts(
    facts: Facts, policy: Policy, weights: WeightSet
) -> None:
    winner = decide(facts, policy, weights).click_pk
    assume(winner is not None)
    record, evidence = as_read_back(facts, policy, weights)

    others = [item for item in facts.candidates if item.click_pk != winner]
    without = decide(replace(facts, candidates=others), policy, weights)

    assert without.click_pk != winner
    assert told(without) == told(decide_again(record, evidence[1:], weights))


@searched
@given(facts_of(at_least=1), policies(), weight_sets, chances)
def test_what_follows_without_a_signal_of_the_winner_is_what_the_record_predicts(
    facts: Facts, policy: Policy, weights: WeightSet, chance: Random
) -> None:
    winner = decide(facts, policy, weights).click_pk
    assume(winner is not None)
    (won,) = (item for item in facts.candidates if item.click_pk == winner)
    assume(len(won.signals & set(ADMITTING)) > 1)
    record, evidence = as_read_back(facts, policy, weights)
    removed = chance.choice(sorted(won.signals & set(ADMITTING)))

    less = [replace(item, signals=item.signals - {removed}) if item is won else item for item in facts.candidates]
    evidence[0]["shares"] = [name for name in evidence[0]["shares"] if name != removed]

    without = decide(replace(facts, candidates=less), policy, weights)

    assert told(without) == told(decide_again(record, evidence, weights))


@searched
@given(facts_of(at_least=2, at_most=2), policies(), weight_sets)
def test_who_lost_to_one_click_stands_no_worse_without_it(facts: Facts, policy: Policy, weights: WeightSet) -> None:
    """Alone it wins if it is eligible and sure enough, and by that only."""
    before = decide(facts, policy, weights)
    assume(before.click_pk is not None)
    (loser,) = [item for item in facts.candidates if item.click_pk != before.click_pk]

    alone = decide(replace(facts, candidates=[loser]), policy, weights)

    is_eligible, score = standing(alone, loser.click_id)
    assert (is_eligible, score) >= standing(before, loser.click_id)
    assert (alone.click_pk == loser.click_pk) == (is_eligible and score >= policy.review_threshold)


@searched
@given(facts_of(at_least=1), policies(), weight_sets)
def test_the_parts_in_the_evidence_add_up_to_the_score(facts: Facts, policy: Policy, weights: WeightSet) -> None:
    plain = replace(weights, caution=0.85)  # claims what was measured

    for item in decide(facts, policy, plain).evidence:
        total = sum(signal["weight"] for signal in item["signals"])
        assert item["score"] == pytest.approx(1 / (1 + exp(-total)), abs=0.004)


# --- What it holds ---


FACTS = Facts(
    Sale(SOLD_AT, "known"),
    (click(7, 2.5, Signal.CLICK_ID, browser=1), click(8, 1, Signal.ADDRESS, crowd=3)),
    (visit(4, Signal.EMAIL, browser=1),),
    ("address",),
)


def test_a_record_holds_what_the_evidence_does_not() -> None:
    assert make_record(FACTS, Policy(window_days=14), PRODUCT) == {
        "weights": "product-1",
        "policy": {
            "window_days": 14,
            "view_through_days": 0,
            "model": "last_click",
            "auto_threshold": 0.85,
            "review_threshold": 0.6,
            "uses_unsure": False,
        },
        "sale": {"placed_at": "2026-11-20T12:00:00+00:00", "carries": "known"},
        "visits": [
            {
                "visit": 4,
                "visit_id": "hts04",
                "first_seen_at": "2026-11-20T11:00:00+00:00",
                "last_seen_at": "2026-11-20T12:00:00+00:00",
                "shares": ["email"],
                "browser": 1,
            }
        ],
        "cut": ["address"],
    }


def test_what_is_read_back_is_what_was_known_but_for_the_keys_of_rows() -> None:
    record, evidence = as_read_back(FACTS, Policy(model=Model.FIRST_CLICK), PRODUCT)

    facts, policy = read_record(record, evidence)

    nameless = [replace(item, click_pk=0) for item in FACTS.candidates]
    assert policy == Policy(model=Model.FIRST_CLICK)
    assert (facts.sale, facts.cut) == (FACTS.sale, FACTS.cut)
    assert sorted(facts.candidates, key=lambda item: item.click_id) == nameless
    assert facts.visits == [replace(item, visit_pk=0) for item in FACTS.visits]


def test_a_record_names_nobody_by_the_key_of_a_row() -> None:
    facts = replace(FACTS, candidates=[replace(FACTS.candidates[0], click_pk=987_654)])

    record, evidence = as_read_back(facts, Policy(), PRODUCT)

    assert "987654" not in json.dumps([record, evidence])


@pytest.mark.parametrize("missing", ["policy", "sale", "visits", "cut"])
def test_half_a_record_is_refused(missing: str) -> None:
    record, evidence = as_read_back(FACTS, Policy(), PRODUCT)
    del record[missing]

    with pytest.raises(KeyError, match=missing):
        decide_again(record, evidence, PRODUCT)


def test_a_moment_keeps_its_microseconds() -> None:
    first = click(7, 0.01, Signal.EMAIL)
    at = first.clicked_at + timedelta(microseconds=123_456)
    facts = replace(FACTS, candidates=[replace(first, clicked_at=at)])

    (read,) = read_record(*as_read_back(facts, Policy(), PRODUCT))[0].candidates

    assert read.clicked_at == at
