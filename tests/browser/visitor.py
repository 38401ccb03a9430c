"""One visitor with a browser of their own: pages that load the script, and what can be seen from outside."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import BrowserContext, Page, Route

from apps.funnels import selectors
from apps.funnels.models import Funnel, UnknownConsent
from apps.funnels.services import publish_funnel
from apps.tenants.scoping import tenant_scope
from tests.browser.servers import Hub, Site
from tests.worlds import World

CHECKOUT = "https://pay.hotmart.com/A1234567B?off=x%20y&checkoutMode=10"
LINK = f'<a id="buy" href="{CHECKOUT}">Comprar</a>'
FBCLID = "IwAR0-Some_OpaqueValue1234567890"
FAKE_PIXELS = """
    window.told = [];
    window.fbq = (...given) => told.push(["fbq", ...given]);
    window.ttq = {track: (...given) => told.push(["ttq", ...given])};
    document.cookie = "_fbp=fb.1.1763640000000.1098765432;path=/";
"""
NO_STORAGE = """
    Object.defineProperty(Document.prototype, "cookie", {
        get() { throw new DOMException("no", "SecurityError"); },
        set() { throw new DOMException("no", "SecurityError"); },
    });
    for (const name of ["localStorage", "sessionStorage"])
        Object.defineProperty(window, name, {get() { throw new DOMException("no", "SecurityError"); }});
"""


@dataclass
class Visitor:
    """`errors` are exceptions that reached the page; `logged` its console's errors; `paid` opened checkouts."""

    world: World
    hub: Hub
    site: Site
    context: BrowserContext
    errors: list[str] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)
    paid: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context.route("https://**/*", self._answer_checkout)
        self.page: Page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda line: self.logged.append(line.text) if line.type == "error" else None)

    def _answer_checkout(self, route: Route) -> None:
        self.paid.append(route.request.url)
        route.fulfill(body="<h1>Checkout</h1>", content_type="text/html")

    @property
    def key(self) -> str:
        key: str = self.world.funnel.public_key
        return key

    @property
    def tag(self) -> str:
        """The snippet as one element."""
        return f'<script async src="{self.hub.url}/t/{self.key}.js"></script>'

    @property
    def inline(self) -> str:
        """The snippet that leaves the load event alone."""
        return f'<script>import("{self.hub.url}/t/{self.key}.js").catch(function(){{}})</script>'

    def put_page(self, path: str, *, head: str = "", body: str = LINK, snippet: str | None = None) -> None:
        wanted = self.inline if snippet is None else snippet
        self.site.pages[path] = f"<!doctype html><head><title>Oferta</title>{head}{wanted}</head><body>{body}</body>"

    def open(self, path: str = "/oferta") -> None:
        self.page.goto(self.site.url(path))

    def wait(self, until: Callable[[], Any]) -> None:
        """Until it is true; fails after ten seconds."""
        deadline = time.monotonic() + 10
        while not until():
            assert time.monotonic() < deadline, ("never happened", self.hub.hits, self.hub.asked, self.logged)
            self.page.wait_for_timeout(20)

    def wait_for(self, action: str, count: int = 1) -> dict[str, Any]:
        """The latest hit of this action once there are `count`."""
        self.wait(lambda: len(self.hub.told(action)) >= count)
        return self.hub.told(action)[-1]

    def wait_for_script(self) -> None:
        self.page.wait_for_function("Boolean(window.hubtrack && window.hubtrack.decorate)", timeout=10_000)

    def rest(self) -> None:
        """Long enough for what must not happen to have happened."""
        self.page.wait_for_timeout(500)

    def href(self, selector: str = "#buy") -> str:
        return str(self.page.get_attribute(selector, "href"))

    def wait_for_click_id(self) -> str:
        """The click id in the checkout link, once the hub has answered."""
        self.wait(lambda: "sck=htc" in self.href())
        return self.href().partition("sck=")[2]

    def run(self, script: str) -> Any:
        return self.page.evaluate(script)

    def kept(self) -> dict[str, Any]:
        """What the site's storage holds of ours."""
        stored = self.run("Object.keys(localStorage).filter((name) => name.startsWith('_ht'))")
        return {"stored": stored, "cookies": self.kept_cookies()}

    def kept_cookies(self) -> list[str]:
        names = sorted(cookie["name"] for cookie in self.context.cookies())
        return [name for name in names if name.startswith(("_ht", "_fb"))]

    def block_unknown_consent(self) -> None:
        with tenant_scope(self.world.tenant_id):
            Funnel.objects.filter(pk=self.world.funnel.pk).update(unknown_consent=UnknownConsent.BLOCK)
            publish_funnel(Funnel.objects.get(pk=self.world.funnel.pk))
        selectors.forget_remembered()
