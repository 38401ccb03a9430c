"""A page that Chromium really prerenders: by itself, since no tool that watches a page lets it be prerendered."""

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import find_chromium
from tests.browser.servers import Hub, Site
from tests.browser.visitor import FBCLID
from tests.worlds import World

pytestmark = pytest.mark.django_db(transaction=True)
AD = f"/oferta?fbclid={FBCLID}"
# It goes on to the prerendered page once the site has a page of that name.
ANTEROOM = f"""<!doctype html><title>Antes</title>
    <script type="speculationrules">{{"prerender": [{{"urls": ["{AD}"], "eagerness": "immediate"}}]}}</script>
    <script>
        const look = async () => (await fetch("/go")).ok ? location.assign("{AD}") : setTimeout(look, 50);
        look();
    </script>"""


@pytest.fixture
def browse(tmp_path: Path) -> Iterator[Callable[[str], None]]:
    started: list[subprocess.Popen[bytes]] = []

    def open_page(url: str) -> None:
        command = [find_chromium(), "--headless=new", "--no-sandbox", "--no-first-run", f"--user-data-dir={tmp_path}"]
        started.append(subprocess.Popen([*command, url], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    yield open_page
    for process in started:
        process.terminate()
        process.wait(20)


def wait(until: Callable[[], Any], hub: Hub) -> None:
    deadline = time.monotonic() + 30
    while not until():
        assert time.monotonic() < deadline, ("never happened", hub.asked, hub.hits)
        time.sleep(0.05)


def test_what_was_prerendered_counts_when_it_is_shown(
    world: World, hub: Hub, site: Site, browse: Callable[[str], None]
) -> None:
    snippet = f'<script>import("{hub.url}/t/{world.funnel.public_key}.js").catch(function(){{}})</script>'
    witness = f'<script>fetch("{hub.url}/ran/" + document.prerendering, {{mode: "no-cors"}})</script>'
    site.pages |= {"/": ANTEROOM, "/oferta": f"<!doctype html><title>Oferta</title>{snippet}{witness}"}

    browse(site.url("/"))
    wait(lambda: "/ran/true" in hub.asked and len([path for path in hub.asked if path.startswith("/t/")]) == 2, hub)
    time.sleep(0.5)
    assert hub.hits == [], "nobody has seen it yet"
    site.pages["/go"] = "go"
    wait(lambda: hub.told("click") and hub.told("pageview"), hub)

    assert hub.told("click")[0]["fbclid"] == FBCLID
    assert len(hub.told("pageview")) == 1
    assert "/ran/false" not in hub.asked, "the page that is shown is the one that was prerendered"
