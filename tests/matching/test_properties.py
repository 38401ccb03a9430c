"""What holds for any sale, any candidates and any weights that keep to their signs; Hypothesis tries to refute it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from apps.matching.facts import Candidate, Facts, Model, Policy
from apps.matching.rules import Decision, decide
from apps.matching.scoring import Terms, WeightSet
from apps.matching.signals import ADMITTED_BY, AGAINST, WEIGHED_IN, Signal, Tier
from apps.matching.weights import PRODUCT
from tests.matching.cases import (
    ADMITTING,
    SOLD_AT,
    facts_of,
    moments,
    policies,
    random_weights,
    standing,
    weight_sets,
)

searched = settings(deadline=None, derandomize=True, max_examples=100)
chances = st.randoms(use_true_random=False)
positives = st.sampled_from([signal for signal in Signal if signal not in AGAINST])
negatives = st.sampled_from([signal for signal in Signal if signal in AGAINST])
terms_of = st.builds(
    lambda admitting, others: {admitting: 1.0} | others,
    st.sampled_from(ADMITTING),
    st.dictionaries(st.sampled_from(Signal), st.floats(0, 5), max_size=8),
)


def shuffled(items: Sequence[Any], chance: Random) -> list[Any]:
    return chance.sample(list(items), len(items))


def with_first(facts: Facts, first: Candidate) -> Facts:
    return replace(facts, candidates=[first, *facts.candidates[1:]])


# --- Nothing but the facts decides ---


@searched
@given(facts_of(), policies(), weight_sets, chances)
def test_the_order_in_which_facts_are_found_changes_nothing(
    facts: Facts, policy: Policy, weights: WeightSet, chance: Random
) -> None:
    again = replace(facts, candidates=shuffled(facts.candidates, chance), visits=shuffled(facts.visits, chance))

    assert decide(again, policy, weights) == decide(facts, policy, weights)


@searched
@given(facts_of(), policies(), weight_sets)
def test_the_same_facts_always_give_the_same_decision(facts: Facts, policy: Policy, weights: WeightSet) -> None:
    assert decide(facts, policy, weights) == decide(facts, policy, weights)


@searched
@given(facts_of(), policies(), weight_sets)
def test_exactly_the_chosen_one_has_won(facts: Facts, policy: Policy, weights: WeightSet) -> None:
    decided = decide(facts, policy, weights)

    winners = [item["click_id"] for item in decided.evidence if item["outcome"] == "won"]
    assert winners == [item.click_id for item in facts.candidates if item.click_pk == decided.click_pk]
    assert sorted(item["click_id"] for item in decided.evidence) == sorted(item.click_id for item in facts.candidates)
    assert (decided.decision is Decision.UNMATCHED) == (decided.click_pk is None and decided.visit_pk is None)
    assert not decided.is_flagged or (decided.decision is Decision.AUTO and policy.uses_unsure)


@searched
@given(facts_of(), policies(), weight_sets)
def test_the_winner_comes_first_and_nobody_eligible_is_surer(facts: Facts, policy: Policy, weights: WeightSet) -> None:
    decided = decide(facts, policy, weights)

    standings = [standing(decided, item["click_id"]) for item in decided.evidence]
    assert standings == sorted(standings, reverse=True)
    if decided.click_pk is not None:
        assert standings[0] == (True, decided.confidence)
        assert decided.confidence >= policy.review_threshold


# --- What each signal does ---


@searched
@given(terms_of, positives, weight_sets)
def test_a_further_sign_for_a_click_never_makes_it_less_sure(terms: Terms, signal: Signal, weights: WeightSet) -> None:
    more = {**terms, signal: terms.get(signal, 0.0) + 1.0}

    assert weights.score(more)[0] >= weights.score(terms)[0]


@searched
@given(terms_of, negatives, weight_sets)
def test_a_sign_against_a_click_never_makes_it_surer(terms: Terms, signal: Signal, weights: WeightSet) -> None:
    more = {**terms, signal: terms.get(signal, 0.0) + 1.0}

    assert weights.score(more)[0] <= weights.score(terms)[0]


@searched
@given(facts_of(at_least=1), policies(), weight_sets, st.sampled_from([*ADMITTING, Signal.DEVICE]))
def test_a_click_that_shares_more_with_the_sale_never_stands_worse(
    facts: Facts, policy: Policy, weights: WeightSet, signal: Signal
) -> None:
    """Also by a carried id, which may bring doubts of its own; an address counts as not shared by others."""
    first = facts.candidates[0]
    more = with_first(facts, replace(first, signals=first.signals | {signal}))

    after = standing(decide(more, policy, weights), first.click_id)

    assert after >= standing(decide(facts, policy, weights), first.click_id)


@searched
@given(facts_of(at_least=1), policies(), weight_sets)
def test_another_identity_never_makes_a_click_stand_better(facts: Facts, policy: Policy, weights: WeightSet) -> None:
    first = facts.candidates[0]
    doubted = with_first(facts, replace(first, signals=first.signals | {Signal.OTHER_IDENTITY}))

    after = standing(decide(doubted, policy, weights), first.click_id)

    assert after <= standing(decide(facts, policy, weights), first.click_id)


@searched
@given(facts_of(at_least=1), policies(), weight_sets, st.integers(1, 50))
def test_a_bigger_crowd_never_makes_a_click_stand_better(
    facts: Facts, policy: Policy, weights: WeightSet, others: int
) -> None:
    first = facts.candidates[0]
    assume(first.crowd)
    crowded = with_first(facts, replace(first, crowd=first.crowd + others))

    after = standing(decide(crowded, policy, weights), first.click_id)

    assert after <= standing(decide(facts, policy, weights), first.click_id)


@searched
@given(facts_of(at_least=1, at_most=1), policies(), moments)
def test_a_lone_click_nearer_to_the_order_never_stands_worse(facts: Facts, policy: Policy, later: datetime) -> None:
    """Whatever class of visit it falls into: by the product's weights to order at once says more than to come back."""
    (first,) = facts.candidates
    assume(first.clicked_at < later <= SOLD_AT)
    nearer = with_first(facts, replace(first, clicked_at=later))

    after = standing(decide(nearer, policy, PRODUCT), first.click_id)

    assert after >= standing(decide(facts, policy, PRODUCT), first.click_id)


@searched
@given(facts_of(at_least=1, at_most=1), policies(), random_weights, st.integers(61, 20_000), st.integers(1, 20_000))
def test_within_one_class_of_visit_nearer_is_never_worse_by_any_weights(
    facts: Facts, policy: Policy, weights: WeightSet, minutes: int, more: int
) -> None:
    """The class: ordered at once, or not; seen again, or not. More than an hour before the order neither changes."""
    near, far = (
        replace(facts.candidates[0], clicked_at=at, last_seen_at=at)
        for at in (SOLD_AT - timedelta(minutes=minutes), SOLD_AT - timedelta(minutes=minutes + more))
    )

    after = standing(decide(with_first(facts, near), policy, weights), near.click_id)

    assert after >= standing(decide(with_first(facts, far), policy, weights), far.click_id)


# --- What the settings do ---


@searched
@given(facts_of(), policies(), weight_sets, st.floats(0, 1))
def test_a_higher_threshold_makes_nothing_more_automatic(
    facts: Facts, policy: Policy, weights: WeightSet, share: float
) -> None:
    stricter = replace(policy, auto_threshold=policy.auto_threshold + (1 - policy.auto_threshold) * share)

    before, after = decide(facts, policy, weights), decide(facts, stricter, weights)

    assert after.click_pk == before.click_pk
    assert before.decision is Decision.AUTO or after.decision is before.decision
    assert after.is_flagged or not before.is_flagged


@searched
@given(facts_of(), policies(), weight_sets, st.floats(0, 1))
def test_a_higher_bar_for_review_proposes_no_other_click(
    facts: Facts, policy: Policy, weights: WeightSet, share: float
) -> None:
    higher = policy.review_threshold + (policy.auto_threshold - policy.review_threshold) * share

    before, after = decide(facts, policy, weights), decide(facts, replace(policy, review_threshold=higher), weights)

    assert after.click_pk in (before.click_pk, None)


@searched
@given(facts_of(), policies(), weight_sets, st.integers(1, 90))
def test_a_wider_window_takes_no_clicks_chance(facts: Facts, policy: Policy, weights: WeightSet, days: int) -> None:
    wider = replace(policy, window_days=policy.window_days + days)

    before, after = decide(facts, policy, weights), decide(facts, wider, weights)

    for item in facts.candidates:
        assert standing(after, item.click_id)[0] >= standing(before, item.click_id)[0]


@searched
@given(facts_of(), policies(), weight_sets)
def test_without_doubts_of_the_funnel_nothing_waits_for_a_person(
    facts: Facts, policy: Policy, weights: WeightSet
) -> None:
    reviewed, used = (decide(facts, replace(policy, uses_unsure=uses), weights) for uses in (False, True))

    assert used.decision is not Decision.REVIEW
    assert used.is_flagged == (reviewed.decision is Decision.REVIEW)
    assert (used.click_pk, used.confidence, used.evidence) == (
        reviewed.click_pk,
        reviewed.confidence,
        reviewed.evidence,
    )


# --- The weights that all this is said of ---


@pytest.mark.parametrize("tier", Tier)
def test_the_products_weights_keep_to_their_signs_and_tiers(tier: Tier) -> None:
    weights = PRODUCT.tiers[tier].weights

    assert {signal for signal, weight in weights.items() if weight < 0} <= AGAINST
    assert {signal for signal, weight in weights.items() if weight > 0}.isdisjoint(AGAINST)
    assert {signal for signal in weights if WEIGHED_IN.get(signal, tier) is not tier} == set()


@pytest.mark.parametrize("tier", Tier)
def test_by_the_products_weights_to_order_at_once_says_more_than_to_come_back(tier: Tier) -> None:
    weights = PRODUCT.tiers[tier].weights
    back = max(weights.get(signal, 0.0) for signal in (Signal.SEEN_AGAIN, Signal.SEEN_AGAIN_HERE))

    assert weights[Signal.SAME_VISIT] >= back + weights.get(Signal.SAME_DAY, 0.0)


def test_every_tie_admits_to_one_tier() -> None:
    assert len(set(ADMITTING)) == len(ADMITTING) == 8
    assert set(ADMITTED_BY) == set(Tier)
    assert set(ADMITTING).isdisjoint(AGAINST)
    assert set(Model) == {Model.LAST_CLICK, Model.FIRST_CLICK, Model.ANY_CLICK}
