"""The truth bench over the real path: what the product makes of a world that PostgreSQL was told day by day."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from apps.clicks.models import Click as ClickRow
from apps.clicks.models import Session
from apps.conversions.models import Conversion, Delivery
from apps.matching.models import Match
from apps.tenants.scoping import unscoped
from tests.bench.truth import run
from tests.bench.truth.facts import World
from tests.bench.truth.measure import Share, Verdict, score
from tests.bench.truth.params import Params
from tests.bench.truth.store import match_stored
from tests.bench.truth.world import make_world
from tests.matching.truth_worlds import PLAIN


def test_the_product_makes_no_mistake_in_a_plain_world(db: None) -> None:
    found = score(match_stored(make_world(1, PLAIN)))

    assert (found.matched, found.recall, found.precision) == (Share(300, 300), Share(300, 300), Share(300, 300))
    assert [rule.rule for rule in found.rules] == ["explicit_click_id"]


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"session_only": 1}, "explicit_session_id"),
        ({"lost_parameters": 1}, "email_hash"),
        ({"lost_parameters": 1, "typo": 1}, "phone_hash"),
        ({"lost_parameters": 1, "keeps_email": 0, "fbclid_carried": 1}, "fbc_in_window"),
        ({"lost_parameters": 1, "keeps_email": 0, "fbclid_carried": 0, "address_told": 1}, "ip_ua_in_window"),
    ],
)
def test_what_is_left_is_what_the_rules_use(db: None, changes: dict[str, float], rule: str) -> None:
    alone = replace(PLAIN, sales=100, idle_clicks_per_sale=0, **changes)  # type: ignore[arg-type]

    found = score(match_stored(make_world(1, alone)))

    assert [(item.rule, item.recall) for item in found.rules] == [(rule, Share(100, 100))]


def test_where_nothing_is_left_nothing_is_matched(db: None) -> None:
    nothing = replace(PLAIN, sales=100, lost_parameters=1, keeps_email=0, fbclid_carried=0, address_told=0)

    verdicts = match_stored(make_world(1, nothing))

    assert len(verdicts) == 100
    assert all(verdict.chosen == "" and verdict.truth for verdict in verdicts)


def test_each_sale_is_judged_in_the_worlds_order_and_nothing_stays_behind(db: None) -> None:
    world = make_world(1, Params(sales=100))

    verdicts = match_stored(world)

    assert [verdict.truth for verdict in verdicts] == [sale.brought_by for sale in world.sales]
    assert [verdict.is_matchable for verdict in verdicts] == [sale.is_matchable for sale in world.sales]
    assert {"explicit_click_id", "email_hash"} <= {rule.rule for rule in score(verdicts).rules}
    with unscoped():
        assert [row.objects.count() for row in (ClickRow, Session, Conversion, Delivery, Match)] == [0] * 5


def test_what_a_machine_opened_is_never_chosen(db: None) -> None:
    params = replace(PLAIN, sales=100, previewed=1, lost_parameters=1, keeps_email=0, fbclid_carried=1)

    found = score(match_stored(make_world(1, params)))

    assert found.recall == Share(100, 100)


def test_the_worlds_window_is_the_funnels(db: None) -> None:
    params = replace(PLAIN, sales=100, same_visit=0, return_days=3)

    narrow, wide = (score(match_stored(make_world(1, replace(params, window_days=days)))) for days in (1, 30))

    assert narrow.matched.of < 60
    # Whose first click would lie before the world's beginning has none.
    assert wide.matched == Share(99, 99)
    assert narrow.unmatchable_matched.hits == 0


def test_a_click_while_a_pix_waits_wins_only_where_nobody_told_of_the_order_before_it(db: None) -> None:
    always_late = replace(PLAIN, pix=1, late_pix=1, click_while_waiting=1, lost_parameters=1)
    told, untold = (make_world(1, replace(always_late, pending_untold=share)) for share in (0, 1))

    moved, moved_untold = _wrong(told), _wrong(untold)

    assert moved == []
    by_email = [verdict for verdict in moved_untold if verdict.rule == "email_hash"]
    assert len(by_email) > 250
    assert all(verdict.is_own for verdict in by_email)
    # Nobody is seen when the money comes, so the later click is not sure: a person is asked.
    assert sum(verdict.is_auto for verdict in by_email) < 0.2 * len(by_email)


def _wrong(world: World) -> list[Verdict]:
    return [verdict for verdict in match_stored(world) if not verdict.is_right]


def test_results_of_several_seeds_are_pooled_with_every_matcher_on_the_same_sales(db: None) -> None:
    results = run.measure(range(2), Params(sales=50))

    assert len(results.by_seed) == 2
    assert sum(item.recall.of for item in results.by_seed) == sum(sale.is_matchable for sale in results.sales)
    for verdicts in results.verdicts.values():
        assert [verdict.truth for verdict in verdicts] == [sale.brought_by for sale in results.sales]


def test_the_report_prints_its_tables_and_gives_the_head_figures(
    db: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "variations", _one_variation)

    figures = run.report(["--seeds", "3", "--sales", "50", "--vary"])

    printed = capsys.readouterr().out
    assert set(figures) == {
        "sales",
        "match rate of the matchable, %",
        "precision of automatic matches, %",
        "calibration error, %",
    }
    assert figures["sales"] == len(make_world(3, Params(sales=50)).sales)
    for words in ("explicit id only", "last click by e-mail", "worst to best seed", "what leads there"):
        assert words in printed
    assert printed.split()[-5:] == ["nothing", "+0.0", "+0.0", "+0.0", "+0.000"]


def _one_variation(params: Params) -> list[tuple[str, Params]]:
    return [("nothing", params)]


@pytest.mark.parametrize("options", [["--seeds", "5-1"], ["--seeds", "x"], ["--what"]])
def test_unknown_options_are_refused(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    report: Callable[[list[str]], dict[str, float]] = run.report

    with pytest.raises(SystemExit):
        report(options)

    assert "usage: truth" in capsys.readouterr().err
