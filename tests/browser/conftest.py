"""A real Chromium from the machine, one for all tests here; each test has a fresh profile."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.browser.servers import Hub, Site, running_hub, running_site
from tests.browser.visitor import Visitor
from tests.worlds import World

NAMES = ("chromium", "chromium-browser", "google-chrome")


def find_chromium() -> str:
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.fail(f"These tests need a real Chromium: install one of {', '.join(NAMES)} from the system's packages.")
    return found


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    # Playwright keeps an event loop in this thread, which Django would take for an asynchronous caller.
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = playwright.chromium.launch(
            executable_path=find_chromium(),
            args=["--no-sandbox"],
            # Playwright switches it off, and what happens after a return from it is one of the questions.
            ignore_default_args=["--disable-back-forward-cache"],
        )
        yield browser
        browser.close()


@pytest.fixture
def hub(settings: Any) -> Iterator[Hub]:
    with running_hub() as running:
        settings.PUBLIC_URL = running.url
        settings.ALLOWED_HOSTS = ["localhost", "testserver"]
        yield running


@pytest.fixture
def site() -> Iterator[Site]:
    with running_site() as running:
        yield running


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    fresh = chromium.new_context()
    yield fresh
    fresh.close()


@pytest.fixture
def visitor(world: World, hub: Hub, site: Site, context: BrowserContext) -> Visitor:
    """Somebody at Ana's shop, whose landing page links to Hotmart's checkout."""
    visitor = Visitor(world=world, hub=hub, site=site, context=context)
    visitor.put_page("/oferta")
    return visitor
