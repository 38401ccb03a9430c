"""What is assumed of people, pages and gateways: each with its reason, and the value at which it does no harm.

Shares are of what the reason names, from 0 to 1. No shop has published such figures together with the truth, so these
are plausible, not measured; where one leans on something observed, the reason says so. To vary one tells how much the
result depends on having assumed it rightly.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any


def _assumed(value: float, reason: str, *, harmless: float | None = None) -> Any:
    return field(default=value, metadata={"reason": reason, "harmless": harmless})


@dataclass(frozen=True, slots=True)
class Params:
    """A world's make-up. A field with a harmless value is one of the difficulties that `variations` removes."""

    sales: int = _assumed(1000, "first purchases; those of repeated buyers come on top")
    days: int = _assumed(40, "long enough that most of what was clicked is older than the window")
    window_days: int = _assumed(7, "a funnel's default attribution window")
    people_per_sale: float = _assumed(5, "visitors there are for each buyer: most never buy")
    idle_clicks_per_sale: float = _assumed(8, "clicks of those who do not buy then; more would only add rows")
    earlier_click: float = _assumed(0.4, "once more seen and clicked before the last click; repeats geometrically")
    same_visit: float = _assumed(0.65, "buyers from an ad who buy at once: cheap digital goods are impulse buys")
    return_days: float = _assumed(2.5, "mean wait of the others, exponential: a tenth waits longer than the window")
    keeps_email: float = _assumed(0.4, "visitors who give their e-mail on the page: a lead form, a quiz, a webinar")
    keeps_phone: float = _assumed(0.5, "of these, who also leave a WhatsApp number, as such forms ask for")
    phone_at_order: float = _assumed(0.9, "orders with a phone: checkouts ask, Pix does not need it")
    pix: float = _assumed(0.5, "orders by Pix, the commonest means in Brazil")
    address_told: float = _assumed(0.3, "orders whose gateway tells the buyer's address: four of our adapters read one")
    fbclid_carried: float = _assumed(
        0.15, "checkouts that hand Meta's click id on: Braip and PerfectPay pass whole queries"
    )

    organic: float = _assumed(0.2, "buyers whom no ad brought: lists, profiles, word of mouth", harmless=0)
    blocked: float = _assumed(0.05, "devices from which no hit reaches the hub: blockers, failing scripts", harmless=0)
    forgetful: float = _assumed(0.3, "devices that keep no cookie from visit to visit: in-app browsers", harmless=0)
    lost_parameters: float = _assumed(
        0.3,
        "checkouts that lose our id: three in five real Hotmart orders seen name no origin; ours decorate",
        harmless=0,
    )
    session_only: float = _assumed(0.05, "checkouts that carry the session's id alone: set up by hand", harmless=0)
    affiliate_link: float = _assumed(
        0.08, "orders by an affiliate's link, whose code stands in our id's place", harmless=0
    )
    forwarded_link: float = _assumed(0.005, "orders by a link that a friend sent on, the friend's id in it", harmless=0)
    other_device: float = _assumed(0.35, "of those who come back later, who buy on another device", harmless=0)
    typo: float = _assumed(0.03, "orders with a mistyped e-mail: checkouts rarely ask twice", harmless=0)
    other_email: float = _assumed(0.08, "orders with another e-mail than the form was given", harmless=0)
    other_phone: float = _assumed(0.05, "orders with another phone", harmless=0)
    relative_contact: float = _assumed(0.02, "orders with the e-mail and phone of somebody at home", harmless=0)
    relative_clicks: float = _assumed(0.1, "buyers somebody at whose home clicks the same ad in those days", harmless=0)
    shared_device: float = _assumed(0.1, "visits on a device that others at home use too", harmless=0)
    repeat: float = _assumed(0.15, "buyers who buy again within days, led by an e-mail and not by an ad", harmless=0)
    late_pix: float = _assumed(0.25, "of Pix orders, paid an hour to three days later", harmless=0)
    click_while_waiting: float = _assumed(0.2, "late payers who click a retargeting ad before they pay", harmless=0)
    pending_untold: float = _assumed(
        0.2, "gateways that tell of a Pix only once it is paid: an unticked box", harmless=0
    )
    on_carrier: float = _assumed(0.6, "visits of phones through a carrier's shared address (NAT)", harmless=0)
    carrier_addresses: int = _assumed(40, "addresses that all of these share: hundreds of visitors behind each")
    clock_off: float = _assumed(0.01, "orders stamped three hours early: local time taken for UTC", harmless=0)
    previewed: float = _assumed(0.05, "clicks that a link preview fetched too, with the same Meta click id", harmless=0)


def variations(params: Params) -> Iterator[tuple[str, Params]]:
    """Each difficulty's name with the same world less that difficulty, in the order above."""
    for item in fields(params):
        harmless = item.metadata["harmless"]
        if harmless is not None:
            yield item.name, replace(params, **{item.name: harmless})
