"""How large the tracking script is, and what it costs the page that loads it, in a real Chromium.

A visitor arrives from an ad, so the script does all it does on load: it starts a session, sends a click and a page
view, and decorates the links that lead to a checkout ("20 of 1,000 links"), twice. Each load has a fresh profile, so
nothing is cached or compiled before; loads with and without the script take turns.

Milliseconds are CPU time of the page's main thread as Chromium's trace tells it, which other programs on the machine do
not lengthen as they do the clock's. Chromium slows a page down by taking its thread's time away, also while the thread
waits; so there the machine's other work does show, and the best load is the one to believe. The page has no code of its
own: all code that runs in it is the script's, also the steps that a trace names no address for (modules, callbacks,
promises).
"""

import gzip
import json
import re
import secrets
import shutil
import sys
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from urllib.request import urlopen

from playwright.sync_api import Browser, sync_playwright

from apps.clicks import script
from apps.funnels.services import create_funnel
from apps.tenants.scoping import tenant_scope
from apps.tenants.services import create_tenant
from tests.bench.webhooks import PORT, serving
from tests.browser.conftest import NAMES
from tests.browser.servers import Site, running_site

LIMIT_BYTES = 5 * 1024
LOADS = 15
WATCHED_MS = 1500
LONG_TASK_MS = 50.0
WITH, WITHOUT = "/with", "/without"
# Links that lead to a checkout, all links, how many times slower than this machine.
PAGES = ((20, 20, 1), (20, 20, 4), (20, 1000, 4), (1000, 1000, 4))
_HUB = f"http://127.0.0.1:{PORT}"
_CATEGORIES = ["devtools.timeline", "disabled-by-default-devtools.timeline", "v8", "v8.execute", "toplevel"]
_CODE = {
    *("EvaluateScript", "v8.compile", "v8.compileModule", "v8.evaluateModule"),
    *("FunctionCall", "v8.callFunction", "RunMicrotasks"),
}
_CHECKOUT = "https://pay.hotmart.com/A1234567B?off=x"
_LINK = '<p>Aprenda a fazer bolos. <a href="{address}">Mais</a> {number}</p>'
_AD = "?fbclid=IwAR0-Some_OpaqueValue1234567890&utm_source=facebook&utm_campaign=Confeitaria%7C120210000000000001"


@dataclass(frozen=True, slots=True)
class Task:
    """One task of the main thread: milliseconds in all, and in code."""

    whole: float
    code: float

    @property
    def is_long_by_code(self) -> bool:
        return self.whole > LONG_TASK_MS >= self.whole - self.code


def report() -> dict[str, float]:
    """Start a hub, a site and a browser, measure, stop them; the figures by name."""
    owner = create_tenant(name="Bench", email=f"bench-{secrets.token_hex(4)}@example.com")
    with tenant_scope(owner.tenant.pk):
        loader = f"{_HUB}/t/{create_funnel({'name': 'Bench'}).public_key}.js"
    with serving(), running_site() as site, sync_playwright() as playwright:
        figures = _weigh(loader)
        browser = playwright.chromium.launch(executable_path=_find_chromium(), args=["--no-sandbox"])
        for checkouts, links, slowdown in PAGES:
            _put_pages(site, loader, checkouts, links)
            name = f"{checkouts:,} of {links:,} links{f', {slowdown}x' if slowdown > 1 else ''}"
            figures |= _describe(name, _measure(browser, site, slowdown))
        browser.close()
    return figures


def _find_chromium() -> str:
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    return found or sys.exit(f"This needs a real Chromium: install one of {', '.join(NAMES)}.")


def _weigh(loader: str) -> dict[str, float]:
    """Bytes as written, as served, and as they travel where the hub or a proxy compresses them."""
    settings = _fetch(loader)
    found = re.search(rb"/t/[0-9a-f]+\.js", settings)
    served = _fetch(f"{_HUB}{found[0].decode()}") if found else sys.exit("The loader names no script.")
    travelling = len(gzip.compress(served, 9))
    return {
        "script as written, bytes": (Path(script.__file__).parent / "browser" / "track.js").stat().st_size,
        "script minified, bytes": len(served),
        "script compressed, bytes": travelling,
        "limit, bytes": LIMIT_BYTES,
        "share of the limit": travelling / LIMIT_BYTES,
        "loader with settings, bytes": len(settings),
        "loader with settings compressed, bytes": len(gzip.compress(settings, 9)),
    }


def _fetch(address: str) -> bytes:
    with urlopen(address, timeout=10) as answer:
        content: bytes = answer.read()
    return content


def _put_pages(site: Site, loader: str, checkouts: int, links: int) -> None:
    """The same page with and without the script; the links that lead to a checkout are spread over it."""
    addresses = [_CHECKOUT if number % (links // checkouts) == 0 else f"/aula/{number}" for number in range(links)]
    body = "".join(_LINK.format(address=address, number=number) for number, address in enumerate(addresses))
    snippet = f'<script>import("{loader}").catch(function(){{}})</script>'
    for path, head in ((WITH, snippet), (WITHOUT, "")):
        site.pages[path] = f"<!doctype html><head><title>Oferta</title>{head}</head><body>{body}</body>"


def _measure(browser: Browser, site: Site, slowdown: int) -> dict[str, list[list[Task]]]:
    """The tasks of each load, by page."""
    seen: dict[str, list[list[Task]]] = {WITH: [], WITHOUT: []}
    for _ in range(LOADS):
        for path, loads in seen.items():
            loads.append(_load(browser, site.url(path + _AD), slowdown, is_tracked=path == WITH))
    return seen


def _load(browser: Browser, address: str, slowdown: int, *, is_tracked: bool) -> list[Task]:
    """The tasks of one load, by a visitor who was never here."""
    context = browser.new_context()
    page = context.new_page()
    context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slowdown})
    browser.start_tracing(page=page, categories=_CATEGORIES)
    page.goto(address)
    page.wait_for_timeout(WATCHED_MS)
    trace = json.loads(browser.stop_tracing())["traceEvents"]
    is_decorated = "sck=htc" in str(page.get_attribute(f'a[href^="{_CHECKOUT}"] >> nth=-1', "href"))
    if is_decorated != is_tracked:
        sys.exit(f"{address}: the last link has {'a' if is_decorated else 'no'} click id: the figures are worthless.")
    context.close()
    return _read_tasks(trace, address)


def _read_tasks(trace: list[dict[str, Any]], address: str) -> list[Task]:
    """Chromium shows pages of its own as well: the page's thread is the one that parsed it."""
    place = next(
        (event["pid"], event["tid"])
        for event in trace
        if event["name"] == "ParseHTML" and event["args"].get("beginData", {}).get("url") == address
    )
    events = [event for event in trace if (event["pid"], event["tid"], event["ph"]) == (*place, "X")]
    code = list(_outermost(events, _CODE))
    return [Task(_cpu_ms([task]), _cpu_ms(_inside(task, code))) for task in _outermost(events, {"RunTask"})]


def _outermost(events: Iterable[dict[str, Any]], names: Collection[str]) -> Iterator[dict[str, Any]]:
    """Those of these names that lie in no other of them; times are in microseconds."""
    end = 0.0
    for event in sorted(events, key=lambda event: (event["ts"], -event["dur"])):
        if event["name"] in names and event["ts"] >= end:
            end = event["ts"] + event["dur"]
            yield event


def _inside(task: dict[str, Any], events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for event in events if task["ts"] <= event["ts"] < task["ts"] + task["dur"]]


def _cpu_ms(events: Iterable[dict[str, Any]]) -> float:
    micro: float = sum(event.get("tdur", 0) for event in events)
    return micro / 1000


def _describe(page: str, seen: dict[str, list[list[Task]]]) -> dict[str, float]:
    """Medians of the loads; of the longest stretch of the script's code also the best, and long tasks by it a load."""
    whole = {path: median(sum(task.whole for task in load) for load in loads) for path, loads in seen.items()}
    longest = [max(task.code for task in load) for load in seen[WITH]]
    return {
        f"{page}: it, ms": median(sum(task.code for task in load) for load in seen[WITH]),
        f"{page}: page, ms": whole[WITH],
        f"{page}: without, ms": whole[WITHOUT],
        f"{page}: difference, ms": whole[WITH] - whole[WITHOUT],
        f"{page}: ratio": whole[WITH] / whole[WITHOUT],
        f"{page}: longest, ms": median(longest),
        f"{page}: best, ms": min(longest),
        f"{page}: long tasks": sum(task.is_long_by_code for load in seen[WITH] for task in load) / LOADS,
    }
