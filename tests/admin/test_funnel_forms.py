"""The form of a funnel: a draft, and what each thing that happens to an order is told as."""

import re
from typing import Any

import pytest

from apps.funnels.admin.words import KIND_TEXTS
from apps.funnels.event_names import DEFAULT_NAMES
from apps.funnels.models import Funnel, FunnelVersion
from apps.tenants.scoping import unscoped
from tests.admin.console import FUNNEL, SCRIPT, Console, errors_of, fresh, messages_of, new_staff, text_of
from tests.worlds import World

DRAFT = {**FUNNEL, "name": "Curso de Bolos", "attribution_window_days": "30", "unknown_consent": "block"}
AS_IT_IS = {**FUNNEL, "name": "Curso de Confeitaria"}
WAITS = "The draft was saved. It takes effect when it is published."


def _boxes(**names: str) -> dict[str, str]:
    """All boxes of the form, empty but for these."""
    return {f"event_names_{kind.value}": names.get(kind.value, "") for kind in DEFAULT_NAMES}


def _box(html: str, kind: str) -> tuple[str, str]:
    """(what is typed in it, what stands in it while it is empty)."""
    (tag,) = re.findall(f'<input [^>]*name="event_names_{kind}"[^>]*>', html)
    found = dict(re.findall(r'(value|placeholder)="([^"]*)"', tag))
    return found.get("value", ""), found["placeholder"]


def test_a_funnels_draft_is_changed_and_says_that_it_waits(console: Console, world: World) -> None:
    answer = console.save(world.funnel, **DRAFT)

    saved = fresh(world.funnel)
    assert (saved.name, saved.attribution_window_days, saved.unknown_consent) == ("Curso de Bolos", 30, "block")
    assert saved.updated_at > world.funnel.updated_at
    assert WAITS in messages_of(answer)
    with unscoped():
        assert saved.published.config["attribution_window_days"] == 7


def test_a_change_of_the_name_alone_needs_no_publication(console: Console, world: World) -> None:
    answer = console.save(world.funnel, **{**DRAFT, "attribution_window_days": "7", "unknown_consent": "send"})

    assert fresh(world.funnel).name == "Curso de Bolos"
    assert len(messages_of(answer)) == 1


def test_a_version_of_before_a_setting_existed_counts_as_having_its_default(console: Console, world: World) -> None:
    with unscoped():
        version = FunnelVersion.objects.get()
        first = ("landing_url", "attribution_window_days", "unknown_consent", "destinations")
        FunnelVersion.objects.update(config={name: version.config[name] for name in first})

    answer = console.save(world.funnel, **AS_IT_IS)
    changed = console.save(world.funnel, **{**AS_IT_IS, "child_orders": "purchase"})

    assert WAITS not in messages_of(answer)
    assert WAITS in messages_of(changed)


def test_saving_a_draft_does_not_undo_a_publication_made_meanwhile(console: Console, world: World) -> None:
    with unscoped():
        Funnel.objects.update(published=None)

    console.save(world.funnel, **{**DRAFT, "name": "Renamed"})

    assert fresh(world.funnel).published_id is None


def test_a_funnel_cannot_move_to_another_tenant(console: Console, world: World, other_world: World) -> None:
    console.save(world.funnel, **DRAFT, tenant=str(other_world.tenant_id))

    saved = fresh(world.funnel)
    assert (saved.name, saved.tenant_id) == ("Curso de Bolos", world.tenant_id)


def test_a_new_funnel_is_made_for_a_tenant(console: Console, world: World) -> None:
    console.save(Funnel, **DRAFT, **_boxes(purchase_approved="Order"), tenant=str(world.tenant_id))

    with unscoped():
        made = Funnel.objects.get(name="Curso de Bolos")
    assert (made.tenant_id, made.published_id, made.public_key[:3]) == (world.tenant_id, None, "pk_")
    assert (made.event_names, made.child_orders) == ({"purchase_approved": "Order"}, "exclude")


def test_a_window_out_of_range_is_refused(console: Console, world: World) -> None:
    errors = errors_of(console.save(world.funnel, **{**DRAFT, "attribution_window_days": "91"}))

    assert errors.keys() == {"attribution_window_days"}
    assert fresh(world.funnel).name == "Curso de Confeitaria"


def test_what_order_bumps_are_told_as_is_chosen(console: Console, world: World) -> None:
    answer = console.save(world.funnel, **{**AS_IT_IS, "child_orders": "purchase"})

    assert fresh(world.funnel).child_orders == "purchase"
    assert WAITS in messages_of(answer)


def test_each_thing_that_happens_has_a_box_that_shows_its_default(console: Console, world: World) -> None:
    html = text_of(console.page(world.funnel))

    assert KIND_TEXTS.keys() == DEFAULT_NAMES.keys()
    for kind, name in DEFAULT_NAMES.items():
        assert _box(html, kind.value) == ("", name or "nothing")
    assert html.count('name="event_names_') == len(DEFAULT_NAMES)
    assert ">Pix code or boleto issued</label>" in html


def test_names_are_chosen_and_a_dash_tells_nothing(console: Console, world: World) -> None:
    typed = _boxes(purchase_approved=" Order ", payment_pending="-", refunded="Devolution", abandoned_checkout="—")

    answer = console.save(world.funnel, **AS_IT_IS, **typed)

    assert fresh(world.funnel).event_names == {
        "purchase_approved": "Order",
        "payment_pending": "",
        "refunded": "Devolution",
        "abandoned_checkout": "",
    }
    assert WAITS in messages_of(answer)
    html = text_of(console.page(world.funnel))
    assert _box(html, "purchase_approved") == ("Order", "Purchase")
    assert _box(html, "payment_pending") == ("-", "AddPaymentInfo")
    assert _box(html, "subscription_renewed") == ("", "Subscribe")


def test_what_was_chosen_runs_once_it_is_published(console: Console, world: World) -> None:
    console.save(world.funnel, **AS_IT_IS, **_boxes(payment_pending="-"))

    console.act("publish", world.funnel)

    published = fresh(world.funnel)
    with unscoped():
        assert published.published.config["event_names"] == {"payment_pending": ""}
    again = console.save(world.funnel, **AS_IT_IS, **_boxes(payment_pending="-"))
    assert WAITS not in messages_of(again)


def test_an_emptied_box_is_the_default_again(console: Console, world: World) -> None:
    console.save(world.funnel, **AS_IT_IS, **_boxes(purchase_approved="Order", payment_pending="-"))

    answer = console.save(world.funnel, **AS_IT_IS, **_boxes(payment_pending="-"))
    assert fresh(world.funnel).event_names == {"payment_pending": ""}
    console.save(world.funnel, **AS_IT_IS, **_boxes())

    assert fresh(world.funnel).event_names == {}
    assert WAITS in messages_of(answer)


def test_boxes_that_were_not_sent_change_nothing(console: Console, world: World) -> None:
    console.save(world.funnel, **AS_IT_IS, **_boxes(purchase_approved="Order"))

    console.save(world.funnel, **{**AS_IT_IS, "name": "Renamed"})

    saved = fresh(world.funnel)
    assert (saved.name, saved.event_names) == ("Renamed", {"purchase_approved": "Order"})


FORM = "Use at most 40 letters, digits and _, starting with a letter; or a dash, to send no event."
SALES_ONLY = "Purchase and Subscribe are for confirmed payments only."


@pytest.mark.parametrize(
    ("kind", "name", "problem"),
    [
        ("purchase_approved", "Two words", f"Payment approved: {FORM}"),
        ("purchase_approved", "9lives", f"Payment approved: {FORM}"),
        ("refunded", "x" * 41, f"Refunded: {FORM}"),
        ("trial_started", SCRIPT, f"Trial started: {FORM}"),
        ("payment_pending", "Purchase", f"Pix code or boleto issued: {SALES_ONLY}"),
        ("abandoned_checkout", "Subscribe", f"Checkout abandoned: {SALES_ONLY}"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused_with_its_box(
    kind: str, name: str, problem: str, console: Console, world: World
) -> None:
    answer = console.save(world.funnel, **DRAFT, **_boxes(**{kind: name}))

    assert errors_of(answer) == {"event_names": [problem]}
    assert SCRIPT not in answer.content.decode()
    saved = fresh(world.funnel)
    assert (saved.name, saved.event_names) == ("Curso de Confeitaria", {})


def test_every_wrong_name_is_told_at_once(console: Console, world: World) -> None:
    answer = console.save(world.funnel, **DRAFT, **_boxes(refunded="a b", payment_pending="Purchase"))

    assert errors_of(answer)["event_names"] == [f"Pix code or boleto issued: {SALES_ONLY}", f"Refunded: {FORM}"]


def test_who_may_only_look_reads_the_names_as_text(console: Console, world: World) -> None:
    console.save(world.funnel, **AS_IT_IS, **_boxes(purchase_approved="Order", payment_pending="-"))
    looker = new_staff("funnels.view_funnel")

    html: Any = text_of(looker.page(world.funnel))

    assert 'name="event_names' not in html
    for line in ("payment approved: Order", "Pix code or boleto issued: -", "trial started: StartTrial"):
        assert f"<div>{line}</div>" in html


MATCHING: dict[str, Any] = {
    "view_through_days": 3,
    "attribution_model": "first_click",
    "auto_threshold": 0.9,
    "review_threshold": 0.75,
    "uncertain_matches": "auto",
    "review_hours": 48,
    "review_timeout": "accept",
}


def test_how_sales_are_matched_is_chosen_and_published(console: Console, world: World) -> None:
    answer = console.save(world.funnel, **{**AS_IT_IS, **MATCHING})
    console.act("publish", world.funnel)

    saved = fresh(world.funnel)
    assert WAITS in messages_of(answer)
    assert {name: getattr(saved, name) for name in MATCHING} == MATCHING
    with unscoped():
        assert {name: saved.published.config[name] for name in MATCHING} == MATCHING


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        *(("view_through_days", typed) for typed in ("-1", "8", "")),
        *(("auto_threshold", typed) for typed in ("1.01", "85", "nan", "", "x")),
        *(("review_threshold", typed) for typed in ("0.49", "1.01", "60", "nan", "", "x")),
        *(("review_hours", typed) for typed in ("0", "145", "")),
        *(("attribution_model", "linear"), ("uncertain_matches", "accept"), ("review_timeout", "auto")),
    ],
)
def test_a_setting_out_of_range_is_refused_by_itself(name: str, typed: str, console: Console, world: World) -> None:
    answer = console.save(world.funnel, **{**DRAFT, name: typed})

    assert errors_of(answer).keys() == {name}
    assert fresh(world.funnel).name == "Curso de Confeitaria"


def test_a_confidence_below_a_half_is_none(console: Console, world: World) -> None:
    answer = console.save(world.funnel, **{**DRAFT, "auto_threshold": "0.49", "review_threshold": "0.49"})

    least = ["Ensure this value is greater than or equal to 0.5."]
    assert errors_of(answer) == {"auto_threshold": least, "review_threshold": least}
    assert fresh(world.funnel).name == "Curso de Confeitaria"


def test_a_match_is_not_proposed_from_a_higher_confidence_than_it_is_used_from(console: Console, world: World) -> None:
    answer = console.save(world.funnel, **{**DRAFT, "review_threshold": "0.86"})

    sentence = "The confidence to propose a match may not be above the one to match by itself."
    assert errors_of(answer) == {"review_threshold": [sentence]}
    saved = fresh(world.funnel)
    assert (saved.name, saved.review_threshold) == ("Curso de Confeitaria", 0.6)


def test_matching_has_a_part_of_the_form_of_its_own(console: Console, world: World) -> None:
    answer = console.page(world.funnel)

    titled = {str(title): options for title, options in answer.context["adminform"].fieldsets if title}
    assert titled.keys() == {"Matching"}
    assert set(titled["Matching"]["fields"]) == MATCHING.keys()
    assert str(titled["Matching"]["description"]) in text_of(answer)
    assert 'name="weight_set"' not in text_of(answer)
    assert "Meta takes no sale older than 7 days." in text_of(answer)


def test_who_may_only_look_reads_how_sales_are_matched(console: Console, world: World) -> None:
    console.save(world.funnel, **{**AS_IT_IS, **MATCHING})
    looker = new_staff("funnels.view_funnel")

    html = text_of(looker.page(world.funnel))

    assert 'name="review_hours"' not in html
    for shown in ("the first click of the window", "used at once, and marked as uncertain", ">0.9<", ">0.75<", ">48<"):
        assert shown in html
