"""From one HTTP request to the parameters of a Graph API call.

A parameter may stand in the query, in a form (urlencoded or multipart) or in a JSON object; the body wins. In
a form, and in what Meta's own SDKs send, `data` is a JSON text, and its items may be JSON texts once more.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from apps.sandbox.json_texts import find_unkeepable, parse_json
from apps.sandbox.meta.refusals import UNREADABLE_BODY, Refusal, RefusalError, bad_parameter

MAX_EVENTS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphCall:
    """One `POST /<version>/<pixel_id>/events`. `form` is None unless the body was a form."""

    version: str
    pixel_id: str
    authorization: str
    query: Mapping[str, str]
    form: Mapping[str, str] | None
    body: bytes
    received_at: datetime


def read_parameters(call: GraphCall) -> dict[str, object]:
    """Everything the caller gave; raises `RefusalError` when it cannot be read or kept."""
    given = _read_body(call.body) if call.form is None else call.form
    parameters = {**call.query, **given}
    _require_plain(parameters, "body")
    return parameters


def read_events(parameters: Mapping[str, object]) -> list[object]:
    """The 1 to 1000 items of `data`, not yet checked."""
    data = _unwrap(parameters.get("data"), "data")
    if data in (None, "", []):
        raise RefusalError(Refusal(message="(#100) The parameter data is required.", where="data"))
    if not isinstance(data, list):
        raise RefusalError(bad_parameter("Must be a list of events", "data"))
    if len(data) > MAX_EVENTS:
        raise RefusalError(bad_parameter(f"At most {MAX_EVENTS} events are accepted at once", "data"))
    return [_unwrap(item, f"data[{index}]") for index, item in enumerate(data)]


def count_events(parameters: Mapping[str, object]) -> int:
    """How many events a request meant to bring, even if it is refused for something else; 0 if unreadable."""
    try:
        return len(read_events(parameters))
    except RefusalError:
        return 0


def read_test_event_code(parameters: Mapping[str, object]) -> str:
    code = parameters.get("test_event_code")
    if code is not None and not isinstance(code, str):
        raise RefusalError(bad_parameter("Must be a string", "test_event_code"))
    return code or ""


def _read_body(body: bytes) -> dict[str, object]:
    if not body:
        return {}
    try:
        given = parse_json(body.decode())
    except ValueError:
        raise RefusalError(UNREADABLE_BODY) from None
    if not isinstance(given, dict):
        raise RefusalError(Refusal(message="(#100) The body must be a JSON object."))
    return given


def _unwrap(value: object, where: str) -> object:
    """A JSON text becomes what it says; anything else is itself."""
    if not isinstance(value, str) or not value:
        return value
    try:
        unwrapped = parse_json(value)
    except ValueError:
        raise RefusalError(bad_parameter("Must be valid JSON", where)) from None
    _require_plain(unwrapped, where)
    return unwrapped


def _require_plain(value: object, where: str) -> None:
    problem = find_unkeepable(value)
    if problem:
        raise RefusalError(bad_parameter(problem, where))
