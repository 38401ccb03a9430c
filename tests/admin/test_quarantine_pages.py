"""The quarantine's pages: what is odd about a delivery, in words, and reading again all that wait for one reason."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.conversions.models import Delivery, Outcome, Quarantine
from apps.conversions.services import UnreadableDelivery, quarantine_delivery
from apps.gateways.contract import Difference
from tests.admin.console import SCRIPT, Console, address, all_rows, endpoint_of, messages_of, new_staff, text_of
from tests.worlds import World, hotmart

MISSING = {"version": "2.0.0", "event": "PURCHASE_APPROVED"}
Keep = Callable[..., Quarantine]


@pytest.fixture
def keep(world: World) -> Keep:
    """Put a delivery of this world into quarantine."""

    def put(place: World = world, **changes: Any) -> Quarantine:
        endpoint = endpoint_of(place)
        row = {
            "tenant_id": place.tenant_id,
            "endpoint_id": endpoint.pk,
            "gateway": "hotmart",
            "correlation_id": "request-0001",
            "body": b'{"note": "what-the-buyer-wrote"}',
            "content_type": "application/json",
            "path": "data.purchase.price",
            "expected": "an object",
            "found": "nothing",
        }
        return quarantine_delivery(UnreadableDelivery(**row | changes))

    return put


def _due() -> list[bool]:
    return [kept.due_at is not None for kept in all_rows(Quarantine)]


def _audit() -> list[str]:
    return [entry.get_change_message() for entry in LogEntry.objects.order_by("pk")]


def test_the_differences_are_a_table(console: Console, keep: Keep) -> None:
    kept = keep(
        differences=[
            Difference("data.purchase.price", "object", "nothing"),
            Difference("data.purchase.total", "nothing", SCRIPT),
        ]
    )

    html = console.page(kept).content.decode()

    assert "Differences from the known contract" in html
    assert '<td data-label="Path"><span>data.purchase.price</span></td>' in html
    assert '<td data-label="Expected"><span>object</span></td>' in html
    assert '<td data-label="Found"><span>&lt;script&gt;alert(1)&lt;/script&gt;</span></td>' in html
    assert "support-document" not in html.split("</style>")[-1], "the JSON is not shown beside its table"
    assert "what-the-buyer-wrote" not in html


def test_a_real_delivery_shows_where_it_departs(console: Console, world: World) -> None:
    world.post_webhook(MISSING)

    html = text_of(console.page(all_rows(Quarantine)[0]))

    assert '<td data-label="Path"><span>data</span></td>' in html
    assert '<td data-label="Found"><span>nothing</span></td>' in html


def test_a_list_of_the_quarantine_reads_no_body(console: Console, keep: Keep) -> None:
    kept = keep()

    with CaptureQueriesContext(connection) as captured:
        pages = [console.list(Quarantine), console.page(kept)]

    assert [page.status_code for page in pages] == [200, 200]
    read = [entry["sql"] for entry in captured if 'FROM "conversions_quarantine"' in entry["sql"]]
    assert read
    assert [sql for sql in read if '"conversions_quarantine"."body"' in sql] == []


def test_an_unknown_word_is_told(console: Console, world: World) -> None:
    world.post_webhook(hotmart("A_WORD_OF_TOMORROW"))

    assert "A_WORD_OF_TOMORROW" in text_of(console.list(Quarantine))
    assert "A_WORD_OF_TOMORROW" in text_of(console.page(all_rows(Quarantine)[0]))


def test_what_waits_for_the_gateways_word_says_so(console: Console, keep: Keep) -> None:
    kept = keep(state=Quarantine.State.UNCONFIRMED)

    listed = text_of(console.list(Quarantine, state__exact="unconfirmed"))
    page = text_of(console.page(kept))
    delivery = text_of(console.page(all_rows(Delivery)[0]))

    assert kept.path in listed
    for html in (listed, page):
        assert "waiting for the gateway's own API" in html
    assert all_rows(Delivery)[0].outcome == Outcome.UNCONFIRMED
    assert "waits until the gateway's own API confirms it" in delivery
    assert kept.path not in text_of(console.list(Quarantine, state__exact="waiting"))


def test_what_waits_for_the_gateways_word_is_not_read_before_it(console: Console, keep: Keep) -> None:
    kept = keep(state=Quarantine.State.UNCONFIRMED)
    before = all_rows(Quarantine)[0].due_at

    answer = console.act("read_again", kept)

    assert messages_of(answer)[0].endswith("The gateway's own API is being asked about it: nothing needs to be done.")
    assert before is not None
    assert all_rows(Quarantine)[0].due_at == before
    assert _audit() == []


def test_all_that_wait_for_the_same_reason_are_read_again(
    console: Console, keep: Keep, world: World, other_world: World
) -> None:
    """Of the same tenant, gateway, place, expectation and finding; and not what was read, or waits for the gateway."""
    chosen, _alike = keep(), keep()
    for other in (
        {"path": "data.buyer"},
        {"expected": "a text"},
        {"found": "a list"},
        {"gateway": "kiwify"},
        {"state": Quarantine.State.UNCONFIRMED, "path": chosen.path},
        {"place": other_world},
    ):
        keep(**other)
    unconfirmed = [kept.due_at for kept in all_rows(Quarantine)][6]

    answer = console.act("read_alike_again", chosen)

    assert messages_of(answer) == ["Will be read again with all alike: 1", "Deliveries that will be read again: 2"]
    assert _due() == [True, True, False, False, False, False, True, False]
    assert all_rows(Quarantine)[6].due_at == unconfirmed
    assert _audit() == ["Will be read again with all alike"]


def test_two_that_are_alike_count_once(console: Console, keep: Keep) -> None:
    kept = [keep() for _turn in range(3)]

    answer = console.act("read_alike_again", *kept[:2])

    assert messages_of(answer) == ["Will be read again with all alike: 2", "Deliveries that will be read again: 3"]
    assert _due() == [True, True, True]


def test_one_that_was_read_leads_to_those_that_wait_still(console: Console, keep: Keep) -> None:
    read, _waits = keep(), keep()
    _mark_as_read(read)

    answer = console.act("read_alike_again", read)

    assert messages_of(answer)[-1] == "Deliveries that will be read again: 1"
    assert _due() == [False, True]


def test_when_nothing_waits_for_the_reason_nothing_is_done(console: Console, keep: Keep) -> None:
    read = keep()
    keep(path="data.buyer")
    _mark_as_read(read)

    answer = console.act("read_alike_again", read)

    assert [text.endswith("Nothing waits for this reason.") for text in messages_of(answer)] == [True]
    assert (_due(), _audit()) == ([False, False], [])


def _mark_as_read(kept: Quarantine) -> None:
    kept.state = Quarantine.State.REPLAYED
    kept.save(update_fields=["state"])


def test_both_ways_to_read_again_are_on_the_page(console: Console, keep: Keep) -> None:
    html = console.page(keep()).content.decode()

    for action in ("read_again", "read_alike_again"):
        assert f'<input type="hidden" name="action" value="{action}">' in html


def test_who_may_only_look_reads_nothing_again(keep: Keep) -> None:
    kept = keep()
    looker = new_staff("conversions.view_quarantine")

    page, _answer = looker.page(kept).content.decode(), looker.act("read_alike_again", kept)

    assert "read_alike_again" not in page
    assert (_due(), _audit()) == ([False], [])


def test_the_permission_to_change_is_enough_to_read_all_alike(keep: Keep) -> None:
    doer = new_staff("conversions.view_quarantine", "conversions.change_quarantine")

    answer = doer.act("read_alike_again", keep())

    assert messages_of(answer)[-1] == "Deliveries that will be read again: 1"
    assert _due() == [True]


def test_a_delivery_leads_to_what_is_kept_of_it(console: Console, keep: Keep) -> None:
    kept = keep()

    html = console.page(all_rows(Delivery)[0]).content.decode()

    assert f'href="{address(kept, "change")}"' in html
    assert "data.purchase.price" in html
