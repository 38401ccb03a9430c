"""What the simplest matchers do with the same world: the id that came back, and the last click by e-mail."""

from bisect import bisect_right
from collections import defaultdict
from datetime import timedelta

from apps.core.identity import hash_email
from tests.bench.truth.facts import Click, Sale, World
from tests.bench.truth.measure import Verdict


def verdict(sale: Sale, click: Click | None, *, rule: str, confidence: float = 1.0, is_auto: bool = True) -> Verdict:
    """What choosing `click` for `sale` is worth."""
    return Verdict(
        truth=sale.brought_by,
        is_matchable=sale.is_matchable,
        chosen=click.click_id if click else "",
        rule=rule,
        confidence=confidence,
        is_auto=is_auto,
        is_own=click is not None and click.person == sale.person,
    )


def match_by_id(world: World) -> list[Verdict]:
    """Only the click id that came back through the gateway, within the window."""
    clicks = {click.click_id: click for click in world.clicks}
    return [
        verdict(sale, _in_window(world, sale, clicks.get(sale.carried)), rule="explicit id only")
        for sale in world.sales
    ]


def match_by_email(world: World) -> list[Verdict]:
    """Only the last click before payment, within the window, in a session with the order's e-mail."""
    emails = {visit.visit_id: hash_email(visit.email) for visit in world.visits}
    by_email: dict[str, list[Click]] = defaultdict(list)
    for click in world.clicks:
        email = emails[click.visit_id]
        if email:
            by_email[email].append(click)
    verdicts = []
    for sale in world.sales:
        known = by_email.get(hash_email(sale.email) or "", [])
        place = bisect_right(known, sale.sold_at, key=lambda click: click.clicked_at)
        last = _in_window(world, sale, known[place - 1] if place else None)
        verdicts.append(verdict(sale, last, rule="last click by e-mail"))
    return verdicts


def _in_window(world: World, sale: Sale, click: Click | None) -> Click | None:
    window = timedelta(days=world.params.window_days)
    return click if click and sale.sold_at - click.clicked_at <= window else None
