"""Which requests no visitor makes: crawlers, link previews, monitors, programs, and browsers that fetch ahead.

Programs inside a phone are visitors: the browsers of Instagram, Facebook or Pinterest name their app and no bot.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

# Said of themselves. "Cubot" makes phones.
_CRAWLER_WORDS = r"""
    (?<!cu)bot\b | crawl | spider | slurp | \bscrap | (?:link|ur[il]|bing)[\s_-]?preview | \+https?:// | @[\w-]+\.\w
"""
_CRAWLER_NAMES = r"""
    facebookexternalhit | facebookcatalog | meta-external | ^whatsapp/ | ^snapchat/ | embedly | iframely
    | bytespider | google-(?:inspectiontool|read-aloud|safety|site-verification|extended|adwords) | apis-google
    | mediapartners | feedfetcher | chrome-lighthouse | pagespeed | gtmetrix | pingdom | uptime | statuscake | newrelic
    | site24x7 | virustotal | urlscan | proofpoint | barracuda | mimecast | safelinks | vkshare | flipboard | nuzzel
    | outbrain | tineye | archive\.org | ia_archiver
"""
_PROGRAMS = r"""
    headless | phantomjs | slimerjs | puppeteer | playwright | selenium | ^curl/ | ^wget | ^python | ^aiohttp | ^httpx
    | ^go-http | ^java/ | ^okhttp | ^axios | ^node | ^undici | ^got\b | ^ruby | ^perl | ^libwww | ^lwp | ^php | ^guzzle
    | ^apache-http | ^dart/ | ^postman | ^insomnia | ^ab/ | ^masscan | ^nmap | ^zgrab | ^nikto | ^sqlmap
"""
_CRAWLERS = re.compile(f"{_CRAWLER_WORDS} | {_CRAWLER_NAMES}", re.IGNORECASE | re.VERBOSE)
_MACHINES = re.compile(f"{_CRAWLER_WORDS} | {_CRAWLER_NAMES} | {_PROGRAMS}", re.IGNORECASE | re.VERBOSE)
# Characters of a user agent; nobody hides what they say of themselves behind more.
_READ = 500
# Header, lower case, and what it says when a page is fetched that nobody has asked to see.
_FETCHED_AHEAD: Mapping[str, tuple[str, ...]] = {
    "sec-purpose": ("prefetch", "prerender"),
    "purpose": ("prefetch", "preview"),
    "x-purpose": ("prefetch", "preview", "instant"),
    "x-moz": ("prefetch",),
}
PURPOSE_HEADERS = tuple(_FETCHED_AHEAD)


def is_crawler(user_agent: str) -> bool:
    """Whether it says of itself that it is one. A shop's own server, which may speak for a visitor, is none."""
    return _find_words(_CRAWLERS, user_agent[:_READ])


def is_automated(method: str, user_agent: str, headers: Mapping[str, str]) -> bool:
    """Whether nobody looks at what is answered; `headers` by lower-case name, those of PURPOSE_HEADERS suffice."""
    return (
        method == "HEAD"
        or not user_agent.strip()
        or _find_words(_MACHINES, user_agent[:_READ])
        or any(word in headers.get(name, "").lower() for name, words in _FETCHED_AHEAD.items() for word in words)
    )


@lru_cache(maxsize=4096)
def _find_words(words: re.Pattern[str], user_agent: str) -> bool:
    """Remembered: visitors have the same few thousand browsers."""
    return words.search(user_agent) is not None
