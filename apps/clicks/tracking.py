"""What a page may send to `/track/*`: pure validation of one JSON object.

Over-long values are refused by name, never cut: a shortened fbclid or UTM would be wrong without anybody noticing. What
e-mail tools write about a person into addresses and UTMs is left out, since those are stored in clear.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

from apps.clicks.page_data import read_data
from apps.core.identity import HashedIdentity, Person, hash_person
from apps.core.identity.text import HASHES_OF_NOTHING
from apps.funnels.event_names import PAGE_EVENT_NAMES
from apps.gateways.tracking import keep_tracking

PAGE_EVENTS = tuple(PAGE_EVENT_NAMES)
UTM_FIELDS = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term", "utm_id")
# field -> longest accepted value, in characters
TEXT_LIMITS: dict[str, int] = {
    "public_key": 40,
    "url": 4096,
    "referrer": 4096,
    "fbclid": 2048,
    "fbc": 2200,
    "fbp": 200,
    "ttclid": 2048,
    "gclid": 1024,
    **dict.fromkeys(UTM_FIELDS, 512),
    "src": 512,
    "sck": 512,
    "xcod": 1024,
    "session_id": 32,
    "click_id": 32,
    "event_id": 100,
    "email": 320,
    "phone": 64,
    "phone_e164": 64,
    "external_id": 256,
}
_LATEST_MS = 10**14
REQUIRED = ("public_key", "url")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NO_PHONE = {"", *HASHES_OF_NOTHING}
_ADDRESSES = ("url", "referrer")
# What a page may put anything into; its own ids are written to the log, too.
_FREE_TEXTS = (*UTM_FIELDS, "src", "sck", "xcod", "event_id", "session_id", "click_id")


@dataclass(frozen=True, slots=True)
class Hit:
    """One tracked action of a visitor; `texts` holds only non-empty values, `identity` only hashes.

    `sent_at` is the browser's clock when it sent this, in ms since 1970; only its difference to ours is kept. `data`
    tells of what an event is (page_data.py).
    """

    texts: Mapping[str, str] = field(repr=False)
    consent_ads: bool | None
    identity: HashedIdentity = field(repr=False)
    is_from_script: bool = field(default=False, repr=False)
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)
    sent_at: int | None = field(default=None, repr=False)

    def text(self, name: str) -> str:
        return self.texts.get(name, "")

    @property
    def utm(self) -> dict[str, str]:
        return {name: self.texts[name] for name in UTM_FIELDS if name in self.texts}


class TrackingError(ValueError):
    """`fields` maps each unacceptable field to one of: required, too_long, not_text, not_boolean, not_a_page,
    not_a_hash, not_a_time."""

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__(", ".join(sorted(fields)))
        self.fields = fields


def read_hit(body: object) -> Hit:
    """A Hit from a decoded body; raises TrackingError. Unknown fields are ignored: pages are older than the hub."""
    if not isinstance(body, Mapping):
        raise TrackingError({"body": "not_an_object"})
    problems: dict[str, str] = {}
    texts = {}
    for name, limit in TEXT_LIMITS.items():
        problem, text = _read_text(body.get(name), limit)
        if problem:
            problems[name] = problem
        elif text:
            texts[name] = text
    problems |= {name: "required" for name in REQUIRED if name not in texts and name not in problems}
    if "url" in texts and not texts["url"].lower().startswith(("http://", "https://")):
        problems["url"] = "not_a_page"
    consent = body.get("consent_ads")
    if consent is not None and not isinstance(consent, bool):
        problems["consent_ads"] = "not_boolean"
    phone_e164 = texts.pop("phone_e164", "").lower()
    if phone_e164 and not _SHA256.fullmatch(phone_e164):
        problems["phone_e164"] = "not_a_hash"
    sent_at = body.get("sent_at")
    if sent_at is not None and not _is_time(sent_at):
        problems["sent_at"] = "not_a_time"
    if problems:
        raise TrackingError(problems)
    return Hit(
        identity=_take_identity(texts) | ({"ph_e164": [phone_e164]} if phone_e164 not in _NO_PHONE else {}),
        texts=_without_people(texts),
        consent_ads=consent,
        is_from_script=body.get("source") == "script",
        sent_at=sent_at,
        # A page's own slip there must not lose what its visitor did.
        data=read_data(body.get("data"))[0],
    )


def _is_time(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LATEST_MS


def _take_identity(texts: dict[str, str]) -> HashedIdentity:
    """The hashes of what in `texts` names a person, which goes out of it."""
    email, phone, external_id = (texts.pop(name, None) for name in ("email", "phone", "external_id"))
    return hash_person(Person(email=email, phone=phone, external_id=external_id))


def _read_text(value: Any, limit: int) -> tuple[str | None, str]:
    """(problem, text) of one value; numbers are read as text, absent as empty."""
    if value is None:
        return None, ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or "\x00" in value:
        return "not_text", ""
    return ("too_long", "") if len(value) > limit else (None, value)


def _without_people(texts: dict[str, str]) -> dict[str, str]:
    """The texts less those that hold an e-mail address, and the addresses less the parameters about a person."""
    kept = {name: text for name, text in texts.items() if name not in _FREE_TEXTS or keep_tracking({name: text})}
    return kept | {name: _without_personal_query(kept[name]) for name in _ADDRESSES if name in kept}


def _without_personal_query(address: str) -> str:
    """Every other parameter stays as it was written, to the byte."""
    page, mark, rest = address.partition("?")
    query, hash_sign, fragment = rest.partition("#")
    pairs = [(pair, *pair.partition("=")[::2]) for pair in query.split("&")]
    kept = [pair for pair, name, value in pairs if keep_tracking({unquote_plus(name): unquote_plus(value)})]
    return f"{page}{mark}{'&'.join(kept)}{hash_sign}{fragment}"
