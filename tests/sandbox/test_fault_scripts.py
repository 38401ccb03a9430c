"""Scripts of faults as text and as rules: what is understood, and whom a rule is for."""

from typing import Any

import pytest

from apps.sandbox.faults.catalogue import PRESETS
from apps.sandbox.faults.choosing import choose
from apps.sandbox.faults.script import Asked, Kind, Script, ScriptError, read_script

ANA = Asked("meta", "111", "token-of-ana", {"a1", "a2"})
BRUNO = Asked("tiktok", "222", "token-of-bruno", {"b1"})


def script(*rules: dict[str, Any], seed: int = 1) -> Script:
    return read_script({"seed": seed, "rules": [{"fault": {"kind": "status"}, **rule} for rule in rules]})


class Counter:
    """Counts as the database does: each rule by itself, from 1."""

    def __init__(self) -> None:
        self.seen: dict[int, int] = {}

    def __call__(self, index: int) -> int:
        self.seen[index] = self.seen.get(index, 0) + 1
        return self.seen[index]


def hits(played: Script, asked: Asked = ANA, times: int = 1, elapsed_s: float = 10.0) -> list[bool]:
    count = Counter()
    return [choose(played, asked, elapsed_s, count) is not None for _ in range(times)]


@pytest.mark.parametrize(
    ("rule", "for_ana", "for_bruno"),
    [
        ({}, True, True),
        ({"platform": "tiktok"}, False, True),
        ({"pixels": ["111", "333"]}, True, False),
        ({"token": "bruno"}, False, True),
        ({"events": ["a2", "zz"]}, True, False),
        ({"events": ["zz"]}, False, False),
        ({"pixels": ["111"], "platform": "tiktok"}, False, False),
        ({"from_s": 10}, True, True),
        ({"from_s": 10.5}, False, False),
        ({"until_s": 10}, False, False),
        ({"until_s": 10.5}, True, True),
    ],
    ids=repr,
)
def test_a_rule_is_for_whom_it_names(rule: dict[str, Any], for_ana: bool, for_bruno: bool) -> None:
    played = script(rule)

    assert (hits(played, ANA), hits(played, BRUNO)) == ([for_ana], [for_bruno])


def test_the_first_rule_that_holds_decides() -> None:
    played = script({"pixels": ["999"], "name": "a"}, {"token": "ana", "name": "b"}, {"name": "c"})
    chosen = [choose(played, asked, 1.0, Counter()) for asked in (ANA, BRUNO)]

    assert [rule.name for rule in chosen if rule] == ["b", "c"]


@pytest.mark.parametrize(
    ("requests", "expected"),
    [
        ([1, 2], [True, True, False, False]),
        ([3, None], [False, False, True, True]),
        ([2, 2], [False, True, False, False]),
    ],
)
def test_a_rule_may_be_for_certain_requests_in_their_order(requests: list[int | None], expected: list[bool]) -> None:
    assert hits(script({"requests": requests}), times=4) == expected


def test_a_rule_that_does_not_count_asks_nobody_to_count() -> None:
    def never(_index: int) -> int:
        raise AssertionError

    assert choose(script({}), ANA, 1.0, never) is not None


def test_only_requests_that_fit_the_rest_of_a_rule_are_counted() -> None:
    played, count = script({"pixels": ["111"], "requests": [2, 2]}), Counter()
    chosen = [choose(played, asked, 1.0, count) is not None for asked in (ANA, BRUNO, BRUNO, ANA)]

    assert chosen == [False, False, False, True]


def test_a_share_is_about_that_share_and_the_same_for_the_same_seed() -> None:
    once, again, other = (hits(script({"share": 0.25}, seed=seed), times=2000) for seed in (1, 1, 2))

    assert once == again
    assert once != other
    assert 430 < sum(once) < 570


def test_a_share_of_nothing_and_of_all() -> None:
    assert not any(hits(script({"share": 0}), times=50))
    assert all(hits(script({"share": 1}), times=50))


@pytest.mark.parametrize(
    ("kind", "accepted"),
    [
        *((kind, False) for kind in ("status", "html", "error", "reset")),
        *((kind, True) for kind in ("answer_lost", "stall", "drip", "garbage", "no_count", "fewer", "huge")),
    ],
)
def test_what_is_taken_in_spite_of_each_fault(kind: str, accepted: bool) -> None:
    (rule,) = read_script({"rules": [{"fault": {"kind": kind}}]}).rules
    (other,) = read_script({"rules": [{"fault": {"kind": kind, "accepted": not accepted}}]}).rules

    assert (rule.fault.kind, rule.fault.accepted, other.fault.accepted) == (Kind(kind), accepted, not accepted)


def test_a_preset_may_be_changed_in_part() -> None:
    given = {"kind": "meta_80004", "headers": {"Retry-After": "30"}, "status": 403}
    (rule,) = read_script({"rules": [{"fault": given}]}).rules

    fault = rule.fault
    assert (fault.kind, fault.code, fault.status, fault.headers) == (Kind.ERROR, 80004, 403, {"Retry-After": "30"})


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_a_fault(name: str) -> None:
    (rule,) = read_script({"rules": [{"fault": {"kind": name}}]}).rules

    code = int(name.split("_")[1])
    assert (rule.fault.kind, rule.fault.code, rule.fault.accepted) == (Kind.ERROR, code, False)


@pytest.mark.parametrize(
    ("given", "place"),
    [
        (None, "script:"),
        ([], "script:"),
        ({}, "rules:"),
        ({"rules": {}}, "rules:"),
        ({"rules": [{}] * 201}, "rules:"),
        ({"rules": [], "sed": 1}, "script.sed:"),
        ({"rules": [], "seed": "x"}, "seed:"),
        ({"rules": [], "seed": True}, "seed:"),
        ({"rules": [1]}, "rules[0]:"),
        ({"rules": [{}]}, "rules[0].fault:"),
        ({"rules": [{"fault": {}}]}, "rules[0].fault.kind:"),
        ({"rules": [{"fault": {"kind": "meta_12345"}}]}, "rules[0].fault.kind:"),
        ({"rules": [{"fault": {"kind": "status", "sttus": 5}}]}, "rules[0].fault.sttus:"),
        ({"rules": [{"fault": {"kind": "status", "status": 99}}]}, "rules[0].fault.status:"),
        ({"rules": [{"fault": {"kind": "stall", "seconds": float("nan")}}]}, "rules[0].fault.seconds:"),
        ({"rules": [{"fault": {"kind": "stall", "seconds": 601}}]}, "rules[0].fault.seconds:"),
        ({"rules": [{"fault": {"kind": "stall", "accepted": 1}}]}, "rules[0].fault:"),
        ({"rules": [{"fault": {"kind": "status", "headers": {"A": "b\nc"}}}]}, "rules[0].fault.headers:"),
        ({"rules": [{"fault": {"kind": "status", "headers": {"A": 1}}}]}, "rules[0].fault.headers:"),
        ({"rules": [{"fault": {"kind": "status", "headers": []}}]}, "rules[0].fault.headers:"),
        ({"rules": [{"fault": {"kind": "status"}, "share": 1.1}]}, "rules[0].share:"),
        ({"rules": [{"fault": {"kind": "status"}, "pixels": "111"}]}, "rules[0].pixels:"),
        ({"rules": [{"fault": {"kind": "status"}, "pixels": [1]}]}, "rules[0].pixels:"),
        ({"rules": [{"fault": {"kind": "status"}, "requests": [5, 1]}]}, "rules[0].requests:"),
        ({"rules": [{"fault": {"kind": "status"}, "requests": [None, 1]}]}, "rules[0].requests:"),
        ({"rules": [{"fault": {"kind": "status"}, "requests": [1]}]}, "rules[0].requests:"),
        ({"rules": [{"fault": {"kind": "status"}, "token": "a\x00"}]}, "rules[0].token:"),
    ],
    ids=repr,
)
def test_what_cannot_be_meant_is_refused_by_its_place(given: Any, place: str) -> None:
    with pytest.raises(ScriptError) as refused:
        read_script(given)

    assert str(refused.value).startswith(place)
