"""A script of faults: which requests are ill-treated, when and how. Pure.

{"seed": 7, "rules": [{"platform": "meta", "pixels": ["123"], "token": "bruno", "events": ["id"], "from_s": 0,
"until_s": 3600, "share": 0.25, "requests": [1, 5], "fault": {"kind": "status", "status": 500}}]}

A rule holds for requests that fit all it names; the first that holds decides. `token` is a part of the token. `events`
fits a request that holds any of them. Seconds count from the script's start. `share` and `requests` (from, to; to may
be null) count the requests that fit the rest of the rule: the same seed ill-treats the same ones.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from itertools import pairwise
from math import isfinite

from apps.sandbox.faults.catalogue import PRESETS

MAX_RULES = 200
_MAX_HEADERS = 20
_LONGEST_STALL_S = 600.0
_MOST_MEGABYTES = 64


class Kind(StrEnum):
    """What is done to a request."""

    ERROR = "error"  # the platform's own words: code, subcode, is_transient
    STATUS = "status"  # a bare HTTP status
    HTML = "html"  # a proxy's page in place of an answer
    GARBAGE = "garbage"  # half of a JSON object
    NO_COUNT = "no_count"  # accepted, but nobody says how many
    FEWER = "fewer"  # all but `missing` events are taken
    HUGE = "huge"  # an answer of `megabytes`
    STALL = "stall"  # the answer comes `seconds` late
    DRIP = "drip"  # `seconds` between one byte and the next
    RESET = "reset"  # hangs up without having done anything
    ANSWER_LOST = "answer_lost"  # hangs up when all is done


_TAKES_EVENTS = frozenset(Kind) - {Kind.ERROR, Kind.STATUS, Kind.HTML, Kind.RESET}


class ScriptError(ValueError):
    """The script says something that cannot be meant; the text names the place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is done, and whether the events are taken nevertheless."""

    kind: Kind
    accepted: bool
    status: int = 200
    code: int | None = None
    subcode: int | None = None
    is_transient: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    missing: int = 0
    megabytes: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """What a rule may look at in a request."""

    platform: str
    pixel_id: str
    token: str
    event_ids: Collection[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Empty means any. `first` and `last` are numbers of requests, from 1."""

    fault: Fault
    name: str = ""
    platform: str = ""
    pixels: frozenset[str] = frozenset()
    token: str = ""
    events: frozenset[str] = frozenset()
    from_s: float = 0.0
    until_s: float = float("inf")
    share: float = 1.0
    first: int = 1
    last: int | None = None

    @property
    def counts(self) -> bool:
        return self.share < 1 or self.first > 1 or self.last is not None

    def fits(self, asked: Asked, elapsed_s: float) -> bool:
        """All but the number of the request."""
        return (
            self.from_s <= elapsed_s < self.until_s
            and self.platform in ("", asked.platform)
            and (not self.pixels or asked.pixel_id in self.pixels)
            and self.token in asked.token
            and (not self.events or not self.events.isdisjoint(asked.event_ids))
        )


@dataclass(frozen=True, slots=True)
class Script:
    """Rules in the order in which they are asked."""

    seed: int
    rules: Sequence[Rule]


def read_script(given: object) -> Script:
    """Raises ScriptError; a word that is not known is one, since a misspelt rule would quietly hold for all."""
    parts = _object(given, "script", {"seed", "rules"})
    rules = parts.get("rules")
    if not isinstance(rules, list) or len(rules) > MAX_RULES:
        raise ScriptError(f"rules: a list of at most {MAX_RULES} is needed")
    return Script(
        seed=int(_number(parts.get("seed", 0), "seed", -(2**63), 2**63)),
        rules=[_read_rule(rule, f"rules[{index}]") for index, rule in enumerate(rules)],
    )


def _read_rule(given: object, where: str) -> Rule:
    names = {item.name for item in fields(Rule)} - {"first", "last"}
    parts = _object(given, where, names | {"requests"})
    first, last = _read_range(parts.get("requests"), f"{where}.requests")
    return Rule(
        fault=_read_fault(parts.get("fault"), f"{where}.fault"),
        name=_text(parts.get("name", ""), f"{where}.name"),
        platform=_text(parts.get("platform", ""), f"{where}.platform"),
        pixels=_texts(parts.get("pixels", []), f"{where}.pixels"),
        token=_text(parts.get("token", ""), f"{where}.token"),
        events=_texts(parts.get("events", []), f"{where}.events"),
        from_s=_number(parts.get("from_s", 0), f"{where}.from_s", 0, 1e9),
        until_s=_number(parts.get("until_s", 1e9), f"{where}.until_s", 0, 1e9),
        share=_number(parts.get("share", 1), f"{where}.share", 0, 1),
        first=first,
        last=last,
    )


def _read_range(given: object, where: str) -> tuple[int, int | None]:
    if given is None:
        return 1, None
    if not isinstance(given, list) or len(given) != 2:
        raise ScriptError(f"{where}: two numbers are needed, from and to")
    bounds = [_number(item, where, 1, 1e9) for item in given if item is not None]
    if not bounds or given[0] is None or any(low > high for low, high in pairwise(bounds)):
        raise ScriptError(f"{where}: two numbers are needed, from and to")
    return int(bounds[0]), int(bounds[1]) if len(bounds) == 2 else None


def _read_fault(given: object, where: str) -> Fault:
    parts = _object(given, where, {item.name for item in fields(Fault)})
    name = _text(parts.get("kind", ""), f"{where}.kind")
    parts = {**PRESETS.get(name, {"kind": name}), **{key: value for key, value in parts.items() if key != "kind"}}
    if parts["kind"] not in list(Kind):
        raise ScriptError(f"{where}.kind: one of {', '.join([*Kind, *PRESETS])}")
    kind = Kind(str(parts["kind"]))
    accepted = parts.get("accepted", kind in _TAKES_EVENTS)
    is_transient = parts.get("is_transient", False)
    if not isinstance(accepted, bool) or not isinstance(is_transient, bool):
        raise ScriptError(f"{where}: accepted and is_transient are true or false")
    return Fault(
        kind=kind,
        accepted=accepted,
        is_transient=is_transient,
        status=int(_number(parts.get("status", _STATUSES.get(kind, 200)), f"{where}.status", 200, 599)),
        code=_code(parts.get("code"), f"{where}.code"),
        subcode=_code(parts.get("subcode"), f"{where}.subcode"),
        headers=_headers(parts.get("headers", {}), f"{where}.headers"),
        seconds=_number(parts.get("seconds", 1), f"{where}.seconds", 0, _LONGEST_STALL_S),
        missing=int(_number(parts.get("missing", 1), f"{where}.missing", 1, 1000)),
        megabytes=int(_number(parts.get("megabytes", 1), f"{where}.megabytes", 1, _MOST_MEGABYTES)),
    )


_STATUSES = {Kind.ERROR: 400, Kind.STATUS: 500, Kind.HTML: 502}


def _object(given: object, where: str, known: Collection[str]) -> Mapping[str, object]:
    if not isinstance(given, dict):
        raise ScriptError(f"{where}: an object is needed")
    strange = sorted(str(key) for key in given.keys() - known)
    if strange:
        raise ScriptError(f"{where}.{strange[0]}: not known here; known are {', '.join(sorted(known))}")
    return given


def _text(given: object, where: str) -> str:
    if not isinstance(given, str) or len(given) > 200 or "\x00" in given:
        raise ScriptError(f"{where}: a text of at most 200 characters is needed")
    return given


def _texts(given: object, where: str) -> frozenset[str]:
    if not isinstance(given, list) or len(given) > 10_000:
        raise ScriptError(f"{where}: a list of texts is needed")
    return frozenset(_text(item, where) for item in given)


def _number(given: object, where: str, low: float, high: float) -> float:
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    if not is_number or not isfinite(given) or not low <= given <= high:  # type: ignore[arg-type,operator]
        raise ScriptError(f"{where}: a number from {low:g} to {high:g} is needed")
    return given  # type: ignore[return-value]


def _code(given: object, where: str) -> int | None:
    return None if given is None else int(_number(given, where, -(2**31), 2**31 - 1))


def _headers(given: object, where: str) -> Mapping[str, str]:
    pairs = _object(given, where, given.keys() if isinstance(given, dict) else ())
    texts = [*pairs, *pairs.values()]
    if len(pairs) > _MAX_HEADERS or not all(isinstance(text, str) and text.isascii() for text in texts):
        raise ScriptError(f"{where}: at most {_MAX_HEADERS} headers of ASCII text")
    if not all(str(text).isprintable() for text in texts):
        raise ScriptError(f"{where}: a header is one line")
    return {name: str(value) for name, value in pairs.items()}
