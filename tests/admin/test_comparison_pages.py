"""Drafts at the console: published with a question where much would change, and compared with what runs."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry

from apps.funnels.models import Funnel, FunnelVersion
from apps.matching.models import Comparison, Difference
from apps.matching.services import publish
from apps.pipeline.stages import compare_batch
from apps.tenants.scoping import unscoped
from tests.admin.console import Console, address, all_rows, messages_of, new_staff, text_of
from tests.matching.planted import change_draft, compare, plant_clicked_sale, plant_two_clicks
from tests.worlds import World


@pytest.fixture
def risky(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """An account whose draft would match a sale that what runs leaves alone, and where one sale is enough to ask."""
    monkeypatch.setattr(publish, "MIN_SALES", 1)
    plant_clicked_sale(world, "HP10", clicked_before=10, money="197.90 BRL")
    change_draft(world, attribution_window_days=14)
    return world


def numbers() -> list[int]:
    with unscoped():
        return list(FunnelVersion.objects.order_by("pk").values_list("number", flat=True))


def audit(console: Console) -> list[str]:
    return [entry.get_change_message() for entry in LogEntry.objects.filter(user=console.user).order_by("pk")]


def confirm(console: Console, question: Any) -> Any:
    """Press the button of the page that asks."""
    sent = {
        "action": "publish",
        "confirmed": "yes",
        "_selected_action": [str(row.pk) for row in question.context["rows"]],
    }
    return console.client.post(address(Funnel, "changelist"), sent, follow=True)


def test_a_large_change_is_asked_about_and_not_published(console: Console, risky: World) -> None:
    answer = console.act("publish", risky.funnel)

    text = text_of(answer)
    assert "Publish although much of what is matched would change?" in text
    assert "100.0 % would change" in text
    assert "197.90 BRL" in text
    assert "Publish all the same" in text
    assert messages_of(answer) == [
        "Curso de Confeitaria: Not published yet: look at what would change, then confirm it."
    ]
    assert (numbers(), audit(console)) == ([1], [])


def test_the_buttons_of_the_question_are_those_of_its_form(console: Console, risky: World) -> None:
    page = console.act("publish", risky.funnel).content.decode()

    for field in ('name="action" value="publish"', 'name="confirmed" value="yes"'):
        assert f'<input type="hidden" {field}>' in page
    assert f'<input type="hidden" name="_selected_action" value="{risky.funnel.pk}">' in page
    assert f'href="{address(Funnel, "changelist")}">Leave everything as it is</a>' in page


def test_the_answer_publishes(console: Console, risky: World) -> None:
    question = console.act("publish", risky.funnel)

    answer = confirm(console, question)

    assert messages_of(answer) == ["Draft published: 1"]
    assert (numbers(), audit(console)) == ([1, 2], ["Draft published"])
    with unscoped():
        assert FunnelVersion.objects.latest("pk").config["attribution_window_days"] == 14


def test_of_many_only_the_risky_ones_are_asked_about(console: Console, risky: World, other_world: World) -> None:
    change_draft(other_world, attribution_window_days=14)

    answer = console.act("publish", risky.funnel, other_world.funnel)

    assert messages_of(answer)[0] == "Draft published: 1"
    assert [row.pk for row in answer.context["rows"]] == [risky.funnel.pk]
    assert numbers() == [1, 1, 2]


def test_who_may_only_look_is_not_asked(risky: World) -> None:
    looker = new_staff("funnels.view_funnel")

    answer = confirm(looker, type("Question", (), {"context": {"rows": [risky.funnel]}}))

    assert "Publish all the same" not in text_of(answer)
    assert (numbers(), audit(looker)) == ([1], [])


def test_a_comparison_is_started_from_the_funnels_page(console: Console, risky: World) -> None:
    page = console.page(risky.funnel)
    sent = {"action": "compare", "_selected_action": str(risky.funnel.pk), "index": "0"}

    answer = console.client.post(page.context["page_actions_address"], sent, follow=True)

    assert messages_of(answer) == ["Comparison started: 1"]
    (started,) = all_rows(Comparison)
    assert (started.funnel_id, started.days, started.state, started.actor) == (
        risky.funnel.pk,
        30,
        "running",
        console.user.email,
    )
    assert audit(console) == ["Comparison started"]
    assert "0 % (0 / 1)" in text_of(console.page(risky.funnel))


def test_a_second_comparison_says_why_not(console: Console, risky: World) -> None:
    console.act("compare", risky.funnel)

    answer = console.act("compare", risky.funnel)

    assert "is under way. Wait until it is done." in messages_of(answer)[0]
    assert len(all_rows(Comparison)) == 1


def test_comparing_needs_the_permission_to_change(risky: World) -> None:
    looker = new_staff("funnels.view_funnel")

    page = looker.page(risky.funnel).content.decode()
    looker.act("compare", risky.funnel)

    assert 'value="compare"' not in page
    assert all_rows(Comparison) == []


def test_a_comparisons_page_shows_settings_sums_and_sales(console: Console, risky: World) -> None:
    first, last = plant_two_clicks(risky, "TWO", "10.01 USD")
    comparison = compare(risky, attribution_model="first_click")

    text = text_of(console.page(comparison))

    assert '<progress class="align-middle w-24" max="100" value="100"></progress> 100 % (2 / 2)' in text
    for shown in ("attribution window (days)", ">7<", ">14<", "the last click before", "the first click of"):
        assert shown in text
    for shown in ("197.90 BRL", "10.01 USD", "HP10", "TWO", first, last):
        assert shown in text
    assert f'href="{address(Difference, "changelist")}?q={comparison.pk}">All of them</a>' in text


def test_a_comparison_of_the_same_says_that_nothing_can_change(console: Console, world: World) -> None:
    text = text_of(console.page(compare(world)))

    assert "None that decide which click is used: nothing can change." in text


def test_the_page_follows_the_work(console: Console, risky: World) -> None:
    console.act("compare", risky.funnel)
    (comparison,) = all_rows(Comparison)
    before = text_of(console.page(comparison))
    with unscoped():
        compare_batch()

    after = text_of(console.page(comparison))

    assert ("0 % (0 / 1)" in before, "100 % (1 / 1)" in after) == (True, True)


def test_differences_are_listed_and_found_by_comparison_and_order(console: Console, risky: World) -> None:
    plant_two_clicks(risky, "TWO")
    comparison = compare(risky, attribution_model="first_click")

    def listed(**query: str) -> list[str]:
        rows = console.list(Difference, **query).context["cl"].result_list
        return [row.conversion.order_id for row in rows]

    assert listed() == listed(q=str(comparison.pk)) == ["TWO", "HP10"]
    assert listed(q="HP10") == ["HP10"]
    assert listed(kind__exact="reattributed") == ["TWO"]
    assert listed(comparison__id__exact="00000000-0000-4000-8000-000000000000") == []
    assert "a person is asked" not in text_of(console.list(Difference))


def test_comparisons_are_found_by_funnel_and_id(console: Console, risky: World, other_world: World) -> None:
    ours, _theirs = compare(risky), compare(other_world)

    for text in (str(ours.pk), str(risky.funnel.pk)):
        assert [row.pk for row in console.list(Comparison, q=text).context["cl"].result_list] == [ours.pk]


def test_who_may_not_see_comparisons_sees_none_on_the_funnels_page(risky: World) -> None:
    compare(risky)
    panels = "Comparisons of the draft with what ran"

    assert panels not in text_of(new_staff("funnels.view_funnel").page(risky.funnel))
    both = new_staff("funnels.view_funnel", "matching.view_comparison", email="both@example.com")
    assert panels in text_of(both.page(risky.funnel))
