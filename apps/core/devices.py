"""What kind of device a user agent tells of. Pure; the families are those that the library ua-parser knows."""

import re
from functools import lru_cache

from ua_parser import parse_os, parse_user_agent

_READ, _KEPT = 512, 60
# One person's links open now in a browser, now in a window of it inside another app.
_SAME_BROWSER = re.compile(r"\b(?:mobile|ios|webview|ui/wkwebview)\b")


def device_family(user_agent: str) -> str:
    """Browser and system without versions, in lower case ("chrome android", "safari ios"); "" unless both are known.

    At most 60 characters. Of the text itself nothing else is kept, whatever it holds.
    """
    return _family(user_agent[:_READ])


@lru_cache(maxsize=4096)
def _family(text: str) -> str:
    # Lone surrogates and control characters: the library raises on the former, PostgreSQL on NUL.
    readable = text if text.isprintable() else "".join(filter(str.isprintable, text))
    browser, system = parse_user_agent(readable), parse_os(readable)
    if browser is None or system is None:
        return ""
    return " ".join(f"{_SAME_BROWSER.sub('', browser.family.lower())} {system.family.lower()}".split())[:_KEPT]
