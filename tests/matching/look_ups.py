"""Planted rows, and what is found of them for a sale."""

from typing import Any

from apps.clicks.models import Click
from apps.conversions.models import Conversion
from apps.core.identity import hash_email, hash_phone
from apps.matching.candidates import find_facts
from apps.matching.facts import Candidate, Facts
from apps.matching.signals import Signal
from apps.tenants.scoping import unscoped
from tests.matching.planted import ago, plant_click
from tests.worlds import World

EMAIL, PHONE = hash_email("beatriz@example.com") or "", hash_phone("11987654321") or ""
OTHER_EMAIL, OTHER_NUMBER = hash_email("caio@example.com") or "", hash_phone("21987654321") or ""
EIGHT_DIGITS = hash_phone("1187654321") or ""
FBC, FBCLID = "fb.1.1763640000000.IwAR-ana_XyZ", "IwAR-ana_XyZ"
V4, V6 = "203.0.113.9", "2001:db8:51:7::2a"
ANDROID = (
    "Mozilla/5.0 (Linux; Android {}; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Mobile Safari/537.36"
)


def facts_of(sale: Conversion, days: int = 7) -> Facts:
    with unscoped():
        return find_facts([Conversion.objects.get(pk=sale.pk)], {sale.pk: days})[sale.pk]


def found(facts: Facts) -> dict[str, set[Signal]]:
    assert len({item.click_id for item in facts.candidates}) == len(facts.candidates)
    return {item.click_id: set(item.signals) for item in facts.candidates}


def the_one(facts: Facts) -> Candidate:
    (candidate,) = facts.candidates
    return candidate


def plant_many(world: World, number: int, **columns: Any) -> list[Click]:
    """Clicks of as many browsers, the newest first."""
    return [plant_click(world, ago(1.1 + place / 1000), **columns) for place in range(number)]
