"""Evidence in words: what a seller reads of every kind of decision, to the letter."""

from dataclasses import replace
from typing import Any

import pytest

from apps.clicks.models import Click
from apps.matching.evidence import explain_candidate, explain_match, present_evidence, signal_name
from apps.matching.facts import Candidate, Facts, Model, Policy, Visit
from apps.matching.models import Match, ReviewState
from apps.matching.record import make_record
from apps.matching.rules import Decision, decide
from apps.matching.signals import CHOSEN_BY_PERSON, RULES, Signal
from apps.matching.weights import PRODUCT
from tests.matching.cases import SALE, SOLD_AT, click, visit

NO_ID = "No id of ours came back through the gateway."
UNSURE = click(1, 2, Signal.EMAIL)


def match_of(
    *candidates: Candidate,
    policy: Policy | None = None,
    visits: tuple[Visit, ...] = (),
    carries: str = "",
    cut: tuple[str, ...] = (),
    **changes: Any,
) -> Match:
    """As services.match stores it, but for the database."""
    facts, policy = Facts(replace(SALE, carries=carries), candidates, visits, cut), policy or Policy()
    decided = decide(facts, policy, PRODUCT)
    stored: dict[str, Any] = {
        "decision": decided.decision,
        "is_used": decided.decision is Decision.AUTO,
        "rule": decided.rule,
        "confidence": decided.confidence,
        "evidence": decided.evidence,
        "record": make_record(facts, policy, PRODUCT),
        "review": ReviewState.PENDING if decided.decision is Decision.REVIEW else "",
    }
    return Match(**(stored | changes))


# --- A decision ---


def test_who_was_chosen_and_why() -> None:
    match = match_of(click(1, 0.02, Signal.CLICK_ID, Signal.EMAIL), carries="known")

    assert explain_match(match) == (
        "Chosen: the click id that came back through the gateway, the same e-mail; "
        "clicked less than an hour before the sale. Confidence 99 %. Other candidates: 0."
    )


def test_what_speaks_against_the_chosen_is_said() -> None:
    carried, other = click(1, 0.5, Signal.CLICK_ID, Signal.EMAIL, last_seen_at=SOLD_AT), click(2, 5, Signal.PHONE)

    match = match_of(replace(carried, signals=carried.signals | {Signal.OTHER_IDENTITY}), other, carries="known")

    assert explain_match(match) == (
        "Chosen: the click id that came back through the gateway, the same e-mail; clicked 12.0 hours before the sale. "
        "Against it: another e-mail or phone was given there. Confidence 98 %. Other candidates: 1."
    )


@pytest.mark.parametrize(
    ("item", "sentence"),
    [
        (
            click(1, 9, Signal.ADDRESS, Signal.DEVICE, crowd=1),
            "Nearest: the same network address, the same kind of device, but 9.0 days are more than the window of 7. "
            "Against it: the address is shared by other browsers. ",
        ),
        (click(1, -1, Signal.PHONE), "Nearest: the same phone, but the click came after the order. "),
        (click(1, 6, Signal.EMAIL), "Nearest: the same e-mail, but that is 54 % sure, and 60 % are needed. "),
        (
            click(1, 5, Signal.BROWSER, Signal.OTHER_IDENTITY),
            "Nearest: the same browser as a visit of the buyer's, but that is 0 % sure, and 60 % are needed. "
            "Against it: another e-mail or phone was given there. ",
        ),
    ],
)
def test_the_nearest_miss_says_what_it_lacks(item: Candidate, sentence: str) -> None:
    match = match_of(item)

    assert match.decision == Decision.UNMATCHED
    assert explain_match(match) == f"No click could be chosen. {sentence}{NO_ID}"


def test_nothing_shared_is_said_as_such() -> None:
    assert explain_match(match_of()) == f"No click shares anything with this sale. {NO_ID}"


@pytest.mark.parametrize(
    ("carries", "remark"),
    [
        ("unknown", "An id came back through the gateway that leads to no click of this account."),
        ("foreign", "The id that came back through the gateway belongs to another account; it was not used."),
    ],
)
def test_an_id_that_leads_nowhere_is_told_from_none(carries: str, remark: str) -> None:
    assert explain_match(match_of(carries=carries)) == f"No click shares anything with this sale. {remark}"
    assert explain_match(match_of(click(1, 0.01, Signal.EMAIL), carries=carries)).endswith(f"candidates: 0. {remark}")


def test_a_view_is_no_click() -> None:
    match = match_of(visits=(visit(4, Signal.EMAIL),), policy=Policy(view_through_days=1))

    assert explain_match(match) == (
        "No ad click counts, but the buyer visited the pages before ordering; that visit's data is sent."
    )


@pytest.mark.parametrize(
    ("cut", "remark"),
    [
        (
            ("address",),
            "Many clicks have this in common with the sale: the same network address. Only the newest of them were "
            "weighed.",
        ),
        (
            ("address", "email", "candidates"),
            "Many clicks have this in common with the sale: the same network address, the same e-mail. "
            "Only the newest of them were weighed.",
        ),
        (("candidates",), "Many clicks have something in common with the sale. Only some of them were weighed."),
    ],
)
def test_what_was_not_looked_at_is_said(cut: tuple[str, ...], remark: str) -> None:
    chosen = explain_match(match_of(click(1, 0.01, Signal.EMAIL)))

    assert explain_match(match_of(click(1, 0.01, Signal.EMAIL), cut=cut)) == f"{chosen} {remark}"


# --- What is unsure ---

PROPOSED = "Proposed: the same e-mail; clicked 2.0 days before the sale. Confidence 60 %. Other candidates: 0."


@pytest.mark.parametrize(
    ("changes", "remark"),
    [
        ({}, "Not sure enough to be used at once: it waits for a person."),
        ({"review": ReviewState.ACCEPTED, "is_used": True}, "A person accepted it."),
        ({"review": ReviewState.REJECTED}, "A person rejected it: no click is used."),
        (
            {"review": ReviewState.TIMED_OUT, "is_used": True},
            "Nobody reviewed it in time. It is used, as the funnel says.",
        ),
        ({"review": ReviewState.TIMED_OUT}, "Nobody reviewed it in time. No click is used, as the funnel says."),
        ({"review": ReviewState.REJECTED.value}, "A person rejected it: no click is used."),
    ],
)
def test_a_review_says_how_it_stands(changes: dict[str, Any], remark: str) -> None:
    match = match_of(UNSURE, **changes)

    assert match.decision == Decision.REVIEW
    assert explain_match(match) == f"{PROPOSED} {remark}"


def test_the_choice_of_a_person_is_said_with_what_speaks_for_it() -> None:
    weaker = click(2, 5, Signal.PHONE)

    match = match_of(
        click(1, 1, Signal.EMAIL),
        weaker,
        rule=CHOSEN_BY_PERSON,
        click=Click(public_id=weaker.click_id),
        review=ReviewState.CHOSEN,
        is_used=True,
    )

    assert explain_match(match) == (
        "A person chose click htc02: the same phone; clicked 5.0 days before the sale. The rules had proposed another."
    )


def test_what_is_used_though_unsure_is_said_to_be() -> None:
    match = match_of(UNSURE, policy=Policy(uses_unsure=True))

    assert explain_match(match) == (
        "Chosen: the same e-mail; clicked 2.0 days before the sale. Confidence 60 %. Other candidates: 0. "
        "Less sure than usual, but the funnel uses such matches at once."
    )


def test_a_better_answer_stands_beside() -> None:
    match = match_of(click(1, 0.01, Signal.EMAIL), better={"click_id": "htc99"})

    assert explain_match(match).endswith("Other candidates: 0. What is known by now would choose click htc99.")


# --- A candidate ---


def test_each_loser_is_told_why_it_lost() -> None:
    match = match_of(click(1, 0.01, Signal.EMAIL), click(2, 1, Signal.EMAIL), click(3, 0.5, Signal.ADDRESS, crowd=1))

    assert {item["click_id"]: explain_candidate(item, match.record) for item in match.evidence} == {
        "htc01": "Chosen: the same e-mail; clicked less than an hour before the sale.",
        "htc02": "Not chosen: the same e-mail, but a later click of the buyer's counts.",
        "htc03": "Not chosen: the same network address, but a later click of the buyer's counts. "
        "Against it: the address is shared by other browsers.",
    }


def test_by_the_first_click_a_loser_came_too_late() -> None:
    match = match_of(click(1, 0.02, Signal.EMAIL), click(2, 0.01, Signal.PHONE), policy=Policy(model=Model.FIRST_CLICK))

    assert explain_candidate(match.evidence[1], match.record) == (
        "Not chosen: the same phone, but an earlier click of the buyer's counts."
    )


def test_less_than_another_is_said_so() -> None:
    match = match_of(click(1, 0.5, Signal.CLICK_ID, last_seen_at=SOLD_AT), click(2, 0.4, Signal.EMAIL), carries="known")

    assert explain_candidate(match.evidence[1], match.record) == (
        "Not chosen: only the same e-mail; another click has more that speaks for it. "
        "Against it: another id came back through the gateway."
    )


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (-0.001, "recorded after the sale"),
        (0.04, "less than an hour before the sale"),
        (0.25, "6.0 hours before the sale"),
        (1, "1.0 days before the sale"),
        (6.96, "7.0 days before the sale"),
    ],
)
def test_ages_are_told_in_the_unit_that_fits(days: float, words: str) -> None:
    match = match_of(click(1, 0.01, Signal.EMAIL))

    item = match.evidence[0] | {"days_before_sale": days}

    assert explain_candidate(item, match.record) == f"Chosen: the same e-mail; clicked {words}."


@pytest.mark.parametrize(("score", "shown"), [(0.599999, 59), (0.57, 57), (0.29, 29), (0.0, 0)])
def test_what_is_almost_sure_enough_is_not_said_to_be(score: float, shown: int) -> None:
    match = match_of(click(1, 6, Signal.EMAIL))

    item = match.evidence[0] | {"score": score}

    assert f"that is {shown} % sure, and 60 % are needed" in explain_candidate(item, match.record)


def test_every_signal_has_words_of_its_own() -> None:
    names = [signal_name(signal.value) for signal in Signal]

    assert len(set(names)) == len(Signal)
    assert all(names)


# --- As the API shows it ---


def test_the_api_shows_absent_ties_and_a_sentence_beside_its_code() -> None:
    (item,) = present_evidence(match_of(click(1, 0.01, Signal.EMAIL)))

    assert (item["reason_code"], item["outcome"]) == ("won", "won")
    assert item["reason"] == "Chosen: the same e-mail; clicked less than an hour before the sale."
    absent = [signal["name"] for signal in item["signals"] if not signal["matched"]]
    assert absent == [rule.signal for rule in RULES if rule.signal is not Signal.EMAIL]
    assert {signal["weight"] for signal in item["signals"] if not signal["matched"]} == {0.0}


def test_what_was_decided_before_records_were_kept_can_still_be_read() -> None:
    """Its evidence has no tier, no shares, and names the ties that were absent."""
    old = {
        "click_id": "htc01",
        "signals": [
            {"name": "click_id", "weight": 1.0, "matched": False},
            {"name": "email", "weight": 0.95, "matched": True},
        ],
        "score": 0.95,
        "reason": "outside_window",
        "days_before_sale": 8.0,
    }
    match = Match(decision=Decision.UNMATCHED, confidence=0.0, evidence=[old], record={}, review="")

    assert explain_match(match) == (
        "No click could be chosen. Nearest: the same e-mail, but 8.0 days are more than the window of 7."
    )
    (shown,) = present_evidence(match)
    assert [signal["name"] for signal in shown["signals"]].count("click_id") == 1
