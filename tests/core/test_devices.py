"""Devices compared by family: what browsers of our time tell, and what no family can be read from."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.core.devices import _family, device_family

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
ANDROID = f"Mozilla/5.0 (Linux; Android 15; SM-S921B) {WEBKIT} Chrome/145.0.0.0 Mobile Safari/537.36"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.mark.parametrize(
    ("user_agent", "family"),
    [
        (ANDROID, "chrome android"),
        (f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} Chrome/120.0.0.0 Mobile Safari/537.36", "chrome android"),
        (
            f"Mozilla/5.0 (Linux; Android 13; SM-G991B; wv) {WEBKIT} Version/4.0 Chrome/120.0.0.0 Mobile Safari/537.36",
            "chrome android",
        ),
        (
            f"Mozilla/5.0 (Linux; Android 13; SM-G991B) {WEBKIT} SamsungBrowser/23.0 Chrome/115.0.0.0 Mobile Safari",
            "samsung internet android",
        ),
        (f"{IPHONE} Version/17.1 Mobile/15E148 Safari/604.1", "safari ios"),
        (f"{IPHONE} Mobile/15E148", "safari ios"),
        (f"{IPHONE} CriOS/120.0.6099.50 Mobile/15E148 Safari/604.1", "chrome ios"),
        (f"{IPHONE} Mobile/15E148 Instagram 300.0.0.29.110 (iPhone12,1; iOS 17_1; pt_BR)", "instagram ios"),
        (f"{WINDOWS} {WEBKIT} Chrome/120.0.0.0 Safari/537.36", "chrome windows"),
        (f"{WINDOWS} {WEBKIT} Chrome/120.0.0.0 Safari/537.36 Edg/120.0.0.0", "edge windows"),
        (FIREFOX, "firefox linux"),
        (f"\x00{FIREFOX}\ud800\r\n", "firefox linux"),
        (f"  {FIREFOX}" + "x" * 100_000, "firefox linux"),
    ],
)
def test_a_browser_and_its_system_make_a_family(user_agent: str, family: str) -> None:
    assert device_family(user_agent) == family


@pytest.mark.parametrize(
    "user_agent", ["", " ", "curl/8.1", "Mozilla/5.0", "\ud800", "\x00", "x" * 100_000, " " * 513 + FIREFOX]
)
def test_without_both_there_is_no_family(user_agent: str) -> None:
    assert device_family(user_agent) == ""


@settings(derandomize=True, deadline=None)
@given(st.text(st.characters(categories=None), max_size=80), st.sampled_from([ANDROID, FIREFOX, IPHONE, "Android "]))
def test_no_text_raises_and_every_family_can_be_stored(text: str, real: str) -> None:
    for user_agent in (text, text + real, real + text):
        family = device_family(user_agent)

        assert len(family) <= 60
        assert family.isprintable()
        assert family == " ".join(family.lower().split())


def test_what_is_remembered_is_bounded() -> None:
    kept = _family.cache_info().maxsize or 0

    device_family("first" + "y" * 100_000)

    assert 0 < kept <= 10_000
    assert _family.cache_info().currsize <= kept
