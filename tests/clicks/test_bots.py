"""Who is taken for a machine, and who must never be."""

import pytest

from apps.clicks.bots import is_automated, is_crawler

CHROME = "Mozilla/5.0 (Linux; Android 14; SM-A546E) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36"
VISITORS = [
    CHROME,
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Mobile/15E148 Instagram 356.0.0.29 (iPhone14,5; pt_BR)",
    "Mozilla/5.0 (Linux; Android 14) Chrome/130 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/487.0.0.0;]",
    "Mozilla/5.0 (iPhone; like Mac OS X) Mobile/22B83 [FBAN/FBIOS;FBAV/487.0;FBLC/pt_BR]",
    "Mozilla/5.0 (Linux; Android 13) Chrome/129 Mobile Safari/537.36 [Pinterest/Android]",
    "Mozilla/5.0 (Linux; Android 12) musical_ly_2023 BytedanceWebview/d8a21c6 trill_350",
    "Mozilla/5.0 (iPhone) AppleWebKit/605 Mobile Snapchat/12.90.0.44 (like Safari/8617)",
    "Mozilla/5.0 (Linux; Android 11; CUBOT X30) Chrome/120 Mobile Safari/537.36",
    "Mozilla/5.0 (Linux; Android 11; CUBOT_NOTE_20) Chrome/120 Mobile Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/132.0",
    "Mozilla/5.0 (Linux; Android 14) DuckDuckGo/5 Chrome/130 Safari/537.36",
    "Mozilla/5.0 (iPhone) GSA/340.0 Mobile/15E148 Safari/604.1",
    "Opera/9.80 (J2ME/MIDP; Opera Mini/7.1) Presto/2.12",
]
CRAWLERS = [
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "facebookcatalog/1.0",
    "meta-externalagent/1.1",
    "WhatsApp/2.24.20.89 A",
    "TelegramBot (like TwitterBot)",
    "Twitterbot/1.0",
    "LinkedInBot/1.0 (compatible; Mozilla/5.0)",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
    "Mozilla/5.0 (Windows NT 6.1) SkypeUriPreview Preview/0.5",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "AdsBot-Google (+http://www.google.com/adsbot.html)",
    "Mozilla/5.0 (Linux; Android 6) Chrome/41 Mobile (compatible; Google-InspectionTool/1.0;)",
    "Mozilla/5.0 (compatible; bingbot/2.0)",
    "Mozilla/5.0 (Windows NT 6.1) BingPreview/1.0b",
    "Mozilla/5.0 (compatible; Yahoo! Slurp)",
    "Mozilla/5.0 (Linux; Android 5.0) Mobile Safari/537.36 (compatible; Bytespider; spider-feedback@bytedance.com)",
    "Pinterest/0.2 (+https://www.pinterest.com/bot.html)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0)",
    "Mozilla/5.0 Chrome-Lighthouse",
    "Pingdom.com_bot_version_1.4",
    "Mozilla/5.0+(compatible; UptimeRobot/2.0)",
    "Snapchat/12.90 (preview)",
]
PROGRAMS = [
    "curl/8.5.0",
    "Wget/1.21",
    "python-requests/2.32",
    "Python-urllib/3.12",
    "Go-http-client/2.0",
    "okhttp/4.12.0",
    "axios/1.7",
    "node-fetch/1.0",
    "Java/17.0.1",
    "Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/130.0 Safari/537.36",
]


@pytest.mark.parametrize("user_agent", VISITORS)
def test_a_phone_or_a_browser_is_a_visitor(user_agent: str) -> None:
    assert not is_crawler(user_agent)
    assert not is_automated("GET", user_agent, {})


@pytest.mark.parametrize("user_agent", CRAWLERS)
def test_crawlers_and_previews_say_what_they_are(user_agent: str) -> None:
    assert is_crawler(user_agent)
    assert is_automated("GET", user_agent, {})


@pytest.mark.parametrize("user_agent", PROGRAMS)
def test_a_program_opens_no_link_but_may_speak_for_a_shop(user_agent: str) -> None:
    assert is_automated("GET", user_agent, {})
    assert not is_crawler(user_agent)


@pytest.mark.parametrize("user_agent", ["", "   "])
def test_every_browser_has_a_name(user_agent: str) -> None:
    assert is_automated("GET", user_agent, {})
    assert not is_crawler(user_agent)


def test_nobody_sees_the_answer_to_head() -> None:
    assert is_automated("HEAD", CHROME, {})


@pytest.mark.parametrize(
    ("name", "value", "answer"),
    [
        ("sec-purpose", "prefetch", True),
        ("sec-purpose", "prefetch;prerender", True),
        ("sec-purpose", "Prefetch;anonymous-client-ip", True),
        ("purpose", "prefetch", True),
        ("purpose", "preview", True),
        ("x-purpose", "preview", True),
        ("x-moz", "prefetch", True),
        ("x-moz", "", False),
        ("sec-purpose", "navigate", False),
        ("sec-fetch-dest", "prefetch", False),
    ],
)
def test_browsers_that_fetch_ahead_say_so(name: str, value: str, answer: bool) -> None:
    assert is_automated("GET", CHROME, {name: value}) is answer


def test_a_name_is_read_as_far_as_names_go() -> None:
    assert is_automated("GET", "Mozilla/5.0 " + "x " * 200 + "somebot/1", {})
    assert not is_automated("GET", "Mozilla/5.0 " + "x " * 10_000 + "somebot/1", {})
