"""Answers about a token, read: what is said of it, what only of the question, and any bytes at all."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.dispatch.meta.token_answers import is_done, read_fresh_token, read_inspection
from apps.dispatch.tokens.rules import Inspection, State

END = datetime(2027, 1, 21, tzinfo=UTC)
SECONDS = int(END.timestamp())
APP = "4815162342"


def read(
    data: Any = None, *, error: Any = None, status: int = 200, headers: Any = None, itself: bool = True
) -> Inspection:
    body = {"error": error} if error else {"data": data}
    raw = json.dumps(body).encode()
    return read_inspection(status, headers or {}, raw, asked_itself=itself, app_id=APP)


def valid(**changes: Any) -> dict[str, Any]:
    return {
        "app_id": APP,
        "type": "SYSTEM_USER",
        "is_valid": True,
        "expires_at": 0,
        "data_access_expires_at": 0,
        "scopes": ["ads_management"],
        **changes,
    }


def test_a_token_that_never_ends() -> None:
    assert read(valid()) == Inspection(state=State.NEVER, scopes=("ads_management",), is_renewable=True)


def test_both_clocks_are_read() -> None:
    told = read(valid(expires_at=SECONDS + 60, data_access_expires_at=SECONDS))

    assert (told.state, told.expires_at, told.data_access_expires_at) == (State.EXPIRES, END.replace(minute=1), END)
    assert told.ends_at == END


def test_a_clock_that_only_ends_the_access_to_data_is_an_end_too() -> None:
    told = read(valid(data_access_expires_at=SECONDS))

    assert (told.state, told.expires_at, told.ends_at) == (State.EXPIRES, None, END)


@pytest.mark.parametrize("expires_at", [None, "soon", True, -1, 1.5, 10**18, [0]])
def test_a_valid_token_whose_end_is_not_told_is_unknown(expires_at: Any) -> None:
    told = read(valid(expires_at=expires_at))

    assert (told.state, told.problem, told.expires_at) == (State.UNKNOWN, "no_expiry", None)


@pytest.mark.parametrize(
    ("error", "state", "problem"),
    [
        (None, State.INVALID, "graph_190"),
        ({"code": 190, "subcode": 463}, State.INVALID, "graph_190_463"),
        ({"code": 190, "subcode": 0}, State.INVALID, "graph_190"),
        ({"code": 102}, State.INVALID, "graph_102"),
        ({"message": "no"}, State.INVALID, "graph_190"),
        ({"code": 100}, State.UNKNOWN, "graph_100"),
        ({"code": 4}, State.UNKNOWN, "graph_4"),
    ],
)
def test_not_valid_is_believed_unless_its_reason_is_the_question(error: Any, state: State, problem: str) -> None:
    told = read({"is_valid": False, "error": error, "scopes": []})

    assert (told.state, told.problem, told.is_renewable) == (state, problem, False)


@pytest.mark.parametrize("subcode", [458, 459, 460, 463, 464, 467, 492])
def test_a_token_that_is_refused_for_its_own_sake_is_invalid(subcode: int) -> None:
    told = read(error={"code": 190, "error_subcode": subcode}, status=400)

    assert (told.state, told.problem) == (State.INVALID, f"graph_190_{subcode}")


@pytest.mark.parametrize("error", [{"code": 190}, {"code": 190, "error_subcode": 1}, {"code": 10}, {"code": 100}])
def test_a_refusal_to_answer_makes_no_token_invalid(error: dict[str, int]) -> None:
    told = read(error=error, status=400)

    assert (told.state, told.is_told, told.wait_s) == (State.UNKNOWN, True, 0)
    assert told.problem.startswith("graph_")


def test_the_apps_own_dead_token_says_nothing_of_the_one_that_was_asked_about() -> None:
    told = read(error={"code": 190, "error_subcode": 463}, status=400, itself=False)

    assert (told.state, told.problem) == (State.UNKNOWN, "graph_190_463")


def test_too_many_questions_ask_for_a_pause() -> None:
    told = read(error={"code": 4}, status=403, headers={"Retry-After": "900"})

    assert (told.state, told.problem, told.wait_s) == (State.UNKNOWN, "graph_4", 900)


@pytest.mark.parametrize(
    ("status", "body"), [(502, b"<html>"), (500, b'{"error": {"code": 2}}'), (200, b"[]"), (200, b'{"data": []}')]
)
def test_no_answer_of_the_platforms_own_is_silence(status: int, body: bytes) -> None:
    told = read_inspection(status, {}, body, asked_itself=True, app_id="")

    assert (told.state, told.is_told) == (State.UNKNOWN, False)


@pytest.mark.parametrize(
    ("changes", "app_id", "is_renewable"),
    [
        ({}, APP, True),
        ({}, "", False),
        ({"app_id": "1"}, APP, False),
        ({"app_id": int(APP)}, APP, True),
        ({"type": "USER"}, APP, False),
        ({"type": None}, APP, False),
    ],
)
def test_only_a_system_users_token_of_our_own_app_can_be_renewed(
    changes: dict[str, Any], app_id: str, is_renewable: bool
) -> None:
    raw = json.dumps({"data": valid(**changes)}).encode()

    assert read_inspection(200, {}, raw, asked_itself=False, app_id=app_id).is_renewable is is_renewable


def test_scopes_are_texts_of_bearable_length_and_number() -> None:
    told = read(valid(scopes=["ads_read", 7, None, "nul\x00", "x" * 100, *("more" for _ in range(100))]))

    assert told.scopes[:2] == ("ads_read", "x" * 60)
    assert len(told.scopes) < 50
    assert read(valid(scopes="ads_read")).scopes == ()


@pytest.mark.parametrize(
    ("status", "body", "token"),
    [
        (200, b'{"access_token": "EAAS1", "expires_in": 5184000}', "EAAS1"),
        (400, b'{"access_token": "EAAS1"}', None),
        (200, b'{"access_token": "two words"}', None),
        (200, b'{"access_token": ""}', None),
        (200, b'{"access_token": 5}', None),
        (200, b'{"access_token": "' + b"x" * 2001 + b'"}', None),
        (200, b"access_token=EAAS1", None),
    ],
)
def test_a_fresh_token_is_one_that_fits_into_a_header(status: int, body: bytes, token: str | None) -> None:
    assert read_fresh_token(status, body) == token


def test_only_a_plain_yes_revokes() -> None:
    assert is_done(200, b'{"success": true}')
    assert not is_done(200, b'{"success": "true"}')
    assert not is_done(400, b'{"success": true}')
    assert not is_done(200, b"true")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_NAMES = ("app_id", "type", "is_valid", "expires_at", "data_access_expires_at", "scopes", "error")


@given(
    status=st.sampled_from([200, 400, 500]),
    data=st.dictionaries(st.sampled_from(_NAMES), _JSON) | _JSON,
    raw=st.binary(max_size=20),
)
def test_any_answer_is_read_and_only_a_no_makes_invalid(status: int, data: Any, raw: bytes) -> None:
    told = read_inspection(status, {}, json.dumps({"data": data}).encode(), asked_itself=True, app_id=APP)
    read_inspection(status, {}, raw, asked_itself=True, app_id=APP)

    assert told.state is not State.INVALID or (isinstance(data, dict) and data["is_valid"] is False)
    assert told.state not in (State.NEVER, State.EXPIRES) or (isinstance(data, dict) and data["is_valid"] is True)
