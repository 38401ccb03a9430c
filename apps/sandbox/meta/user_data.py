"""The rules of user_data: who the event is about. Ten keys must be hashed, some must never be.

Meta's parameter builders hang a mark of two or eight characters on a value (`<64 hex>.AQQCAQMC`); it is
legal.
"""

import re
from collections.abc import Mapping
from ipaddress import ip_address

from apps.sandbox.json_texts import quotable
from apps.sandbox.meta.refusals import (
    MALFORMED_FBC,
    NOT_HASHED,
    TOO_LITTLE_IDENTITY,
    RefusalError,
    bad_parameter,
)

HASHED_KEYS = frozenset({"em", "ph", "fn", "ln", "ge", "db", "ct", "st", "zp", "country"})
# Text or a list of texts, hashed or not as the sender likes; the last six only Meta's SDK still knows.
_FREE_KEYS = frozenset({"external_id", "f5first", "f5last", "fi", "dobd", "dobm", "doby"})
_PLAIN_KEYS = frozenset(
    {
        *(
            "client_ip_address",
            "client_user_agent",
            "fbc",
            "fbp",
            "subscription_id",
            "fb_login_id",
            "lead_id",
        ),
        *("anon_id", "madid", "page_id", "page_scoped_user_id", "ctwa_clid", "ig_account_id", "ig_sid"),
    }
)
# Nobody can be found by these: an event that holds no more than one of the rows does is refused.
_TOO_LITTLE = (
    frozenset({"ct", "country", "st", "zp", "ge", "client_user_agent"}),
    frozenset({"db", "client_user_agent"}),
    frozenset({"fn", "ge"}),
    frozenset({"ln", "ge"}),
)
_MARK = r"(?:\.[A-Za-z0-9_-]{2}|\.[A-Za-z0-9_-]{8})?"
_HASHED = re.compile(r"[0-9A-Fa-f]{64}" + _MARK)
_FBC = re.compile(r"fb\.[0-9]+\.[0-9]{13}\.[^.\s]+" + _MARK)
_MARKED_IP = re.compile(r"(.+)\.(?:A[Qgw]|B[AQg]|AQ[A-Za-z0-9_-]{6})")


def check_user_data(user_data: Mapping[str, object], where: str) -> None:
    """Raise `RefusalError` at the first fault.

    null and an empty list count as absent; so does a blank, but not under a hashed key: there it is a value
    that was not hashed.
    """
    for key, value in user_data.items():
        _check_key(key, value, where)
    known = {key for key, value in user_data.items() if value not in (None, "", [])}
    if any(known <= row for row in _TOO_LITTLE):
        raise RefusalError(TOO_LITTLE_IDENTITY.at(where))


def _check_key(key: str, value: object, where: str) -> None:
    path = f"{where}.{quotable(key, 50)}"
    if key in HASHED_KEYS:
        _check_hashed(value, path)
    elif key in _FREE_KEYS:
        _list_texts(value, path)
    elif key in _PLAIN_KEYS:
        _check_plain(key, value, path)
    else:
        raise RefusalError(bad_parameter(f'Unexpected key "{quotable(key, 50)}"', where))


def _check_hashed(value: object, path: str) -> None:
    if not all(_HASHED.fullmatch(text) for text in _list_texts(value, path)):
        raise RefusalError(NOT_HASHED.at(path))


def _list_texts(value: object, path: str) -> list[str]:
    values = [] if value is None else value if isinstance(value, list) else [value]
    if not all(isinstance(item, str) for item in values):
        raise RefusalError(bad_parameter("Must be a string or a list of strings", path))
    return [str(item) for item in values]


def _check_plain(key: str, value: object, path: str) -> None:
    if value in (None, ""):
        return
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise RefusalError(bad_parameter("Must be a string", path))
    text = str(value)
    if _HASHED.fullmatch(text):
        raise RefusalError(bad_parameter("Must be sent as it is, never hashed", path))
    if key == "client_ip_address" and not _is_ip_address(text):
        raise RefusalError(bad_parameter("Must be an IPv4 or IPv6 address", path))
    if key == "fbc" and not _FBC.fullmatch(text):
        raise RefusalError(MALFORMED_FBC.at(path))


def _is_ip_address(text: str) -> bool:
    marked = _MARKED_IP.fullmatch(text)
    try:
        ip_address(marked[1] if marked else text)
    except ValueError:
        return False
    return True
