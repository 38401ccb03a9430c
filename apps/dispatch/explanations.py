"""The reasons of sends, the outcomes of requests and the next steps in plain words, in the reader's language.

A reason is a stable word; many are families: `graph_190_463` is a code and a subcode of Meta's, `preflight_` goes
before a platform's own check, `gave_up_` before what happened the last of five times. What a code means is asked of the
very table that decided about it, so that words and deeds cannot part.
"""

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.dispatch import explained_words as words
from apps.dispatch.explained_words import Words
from apps.dispatch.meta import errors as meta
from apps.dispatch.tiktok import errors as tiktok
from apps.dispatch.verdict import NextStep, Outcome


class Explanation(NamedTuple):
    """What happened, and what to do next: two texts for a person."""

    sentence: str
    next_step: str


_UNKNOWN = Words(
    gettext_lazy("The hub has no words for this yet: %(reason)s."),
    gettext_lazy("Look at the platform's last answer, and tell support the word."),
)
_BY_STATUS: Mapping[int, Outcome] = {
    **dict.fromkeys((401, 403), Outcome.TOKEN),
    **dict.fromkeys((404, 410), Outcome.PERMISSION),
    **dict.fromkeys((400, 413, 422), Outcome.PERMANENT),
    429: Outcome.THROTTLED,
    **dict.fromkeys(range(200, 300), Outcome.AMBIGUOUS),
}


def explain(reason: str) -> Explanation:
    """Why a send stands where it stands. A word that nobody explained is shown as it is."""
    exact = words.EXACT.get(reason)
    if exact:
        return _said(exact)
    family, _underscore, rest = reason.partition("_")
    found = _FAMILIES[family](rest) if family in _FAMILIES else None
    return found or _said(_UNKNOWN, reason=reason)


def is_explained(reason: str) -> bool:
    return explain(reason) != _said(_UNKNOWN, reason=reason)


def explain_outcome(outcome: str) -> str:
    """What a request came to. Empty is a request that is still out, or whose worker died."""
    return str(words.OUTCOMES[Outcome(outcome)].happened if outcome else words.NO_OUTCOME)


def explain_next_step(next_step: str) -> str:
    return str(words.NEXT_STEPS[NextStep(next_step)]) if next_step else ""


def _said(found: Words, **values: str) -> Explanation:
    happened, next_step = str(found.happened), str(found.next_step)
    return Explanation(happened % values if values else happened, next_step)


def _graph(numbers: str) -> Explanation | None:
    """`190_463`: a code, perhaps with a subcode."""
    code, _underscore, subcode = numbers.partition("_")
    if not code.lstrip("-").isdecimal():
        return None
    return _said(words.OUTCOMES[_outcome_at_meta(int(code), int(subcode) if subcode.isdecimal() else None)])


@lru_cache(maxsize=512)
def _outcome_at_meta(code: int, subcode: int | None) -> Outcome:
    error = {"code": code, "error_subcode": subcode}
    return meta.classify(400, {}, json.dumps({"error": error}).encode(), 1).outcome


def _tiktok(code: str) -> Explanation | None:
    if not code.lstrip("-").isdecimal():
        return None
    return _said(words.OUTCOMES[_outcome_at_tiktok(int(code))])


@lru_cache(maxsize=512)
def _outcome_at_tiktok(code: int) -> Outcome:
    return tiktok.classify(200, {}, json.dumps({"code": code}).encode(), 1).outcome


def _http(status: str) -> Explanation | None:
    if not status.isdecimal():
        return None
    return _said(words.OUTCOMES[_BY_STATUS.get(int(status), Outcome.TRANSIENT)])


def _preflight(code: str) -> Explanation | None:
    found = words.PREFLIGHT.get(code)
    return _said(found) if found else None


def _gave(rest: str) -> Explanation | None:
    """`up_http_500`."""
    last = explain(rest.removeprefix("up_"))
    return Explanation(
        _("It failed five times while others got through, so it was given up. The last time: %(why)s")
        % {"why": last.sentence},
        _("Look at what was sent and at the answers. When the cause is mended, send it again."),
    )


def _repaired(key: str) -> Explanation:
    return _said(words.REPAIRED, key=key)


def _rejected(word: str) -> Explanation:
    return _said(words.REJECTED, word=word.replace("_", " ") or "-")


def _redirect(_status: str) -> Explanation:
    return _said(words.REDIRECT)


_FAMILIES: Mapping[str, Callable[[str], Explanation | None]] = {
    "graph": _graph,
    "tiktok": _tiktok,
    "http": _http,
    "preflight": _preflight,
    "gave": _gave,
    "repaired": _repaired,
    "rejected": _rejected,
    "redirect": _redirect,
}
