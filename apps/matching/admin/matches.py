"""Matches with their evidence in words, here and on the pages of the conversion and the click."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec
from django.contrib import admin
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.clicks.models import Click, Session
from apps.conversions.admin import by_order
from apps.conversions.models import Conversion
from apps.core.admin import (
    TECHNICAL,
    Colours,
    Lookup,
    Table,
    add_lookup,
    add_panel,
    badge,
    column,
    list_link,
    moment,
    row_link,
    word_filter,
)
from apps.core.admin.panels import ROWS_SHOWN, Panel
from apps.matching.admin.reviews import (
    REVIEW_COLOURS,
    REVIEW_FILTER,
    Reviewing,
    ask,
    percent,
    review_badge,
    score_bar,
    show_better,
    show_history,
)
from apps.matching.evidence import explain_candidate, explain_match
from apps.matching.facts import Policy
from apps.matching.models import Match, ReviewState
from apps.matching.rules import Decision
from apps.matching.signals import RULES
from apps.tenants.admin import TENANT_FILTER, by_email, by_phone

DECISION_COLOURS: dict[str, str] = {Decision.AUTO: "success", Decision.REVIEW: "warning"}
OUTCOMES = {"won": _("won"), "lost": _("lost")}
RULE_FILTER = word_filter(_("rule"), "rule", {rule.name: (rule.name, Q(rule=rule.name)) for rule in RULES})

add_lookup(Conversion, Lookup("match__click__public_id"), Lookup("match__click__session__public_id"))


@column(_("confidence"))
def confidence(match: Match) -> str:
    return percent(match.confidence)


@column(_("session"))
def session(match: Match) -> str:
    return row_link(match.click.session if match.click else None)


@admin.register(Match)
class MatchAdmin(Reviewing):
    """One decision a conversion, with every click that was weighed for it."""

    list_display = ("matched_at", "conversion", "decision", "review", "rule", confidence, "click", "is_used", "tenant")
    list_select_related = ("conversion", "click", "tenant")
    list_filter = (TENANT_FILTER, REVIEW_FILTER, "decision", RULE_FILTER)
    lookups = (
        by_order("conversion"),
        by_email("conversion"),
        by_phone("conversion"),
        Lookup("click__public_id"),
        Lookup("click__session__public_id"),
    )
    search_help_text = _("order id, e-mail, phone, click id, session id, or the whole name of the tenant")
    colours: ClassVar[Colours] = {"decision": DECISION_COLOURS, "review": REVIEW_COLOURS}
    never_shown = frozenset({"evidence", "record", "better"})
    layout = (
        (
            None,
            (
                *("conversion", "tenant", "decision", "rule", confidence, "matched_at", "click", session),
                *("is_used", "visit", "review", "review_due_at"),
            ),
        ),
        (TECHNICAL, ("rule_set", "id")),
    )

    def get_panels(self, request: Any, row: Any) -> list[Panel]:
        is_asked = row.review == ReviewState.PENDING and self.has_review_permission(request)
        cards: list[Panel] = [ask(row)] if is_asked else []
        cards += [show_evidence(row)]
        cards += [show_better(row.better)] if row.better else []
        cards += [show_history(row)] if row.review else []
        return [*cards, *super().get_panels(request, row)]

    def search_text(self, row: Match) -> str:
        return row.conversion.order_id


def show_evidence(match: Match) -> Table:
    ids = [item["click_id"] for item in match.evidence]
    clicks = {click.public_id: click for click in Click.objects.filter(public_id__in=ids)}
    return Table(
        title=_("Why"),
        words=explain_match(match),
        headers=(_("click"), _("clicked at (UTC)"), _("signals"), _("score"), _("outcome"), _("reason")),
        rows=[_candidate_cells(item, match.record, clicks.get(item["click_id"])) for item in match.evidence],
    )


def _candidate_cells(item: Mapping[str, Any], record: Mapping[str, Any], click: Click | None) -> Sequence[Any]:
    policy = msgspec.convert(record.get("policy", {}), Policy)  # records began with the scored rules
    signals = ", ".join(f"{signal['name']} {signal['weight']:+.1f}" for signal in item["signals"])
    return (
        row_link(click) if click else item["click_id"],
        item["clicked_at"][:19].replace("T", " "),
        signals,
        score_bar(item["score"], policy.review_threshold, policy.auto_threshold),
        badge(item["outcome"], OUTCOMES[item["outcome"]], colour="success" if item["outcome"] == "won" else ""),
        explain_candidate(item, record),
    )


@add_panel(Conversion, shows=Match)
def show_match(order: Conversion) -> Table:
    found = list(Match.objects.filter(conversion=order).select_related("click__session"))
    return Table(
        title=_("Match"),
        words=explain_match(found[0]) if found else _("Not matched yet."),
        headers=(_("match"), _("review"), _("rule"), _("confidence"), _("click"), _("session")),
        rows=[
            (
                row_link(row, row.get_decision_display()),
                review_badge(row),
                row.rule,
                percent(row.confidence),
                row_link(row.click),
                row_link(row.click.session if row.click else None),
            )
            for row in found
        ],
    )


@add_panel(Conversion, shows=Click)
def show_carried_ids(order: Conversion) -> Table:
    carried = ((Click, order.click_ref), (Session, order.session_ref))
    return Table(
        title=_("Ids that came back through the gateway"),
        headers=(_("what"), _("id")),
        rows=[(model._meta.verbose_name, list_link(model, ref, q=ref)) for model, ref in carried if ref],
    )


@add_panel(Click, shows=Match)
def show_matches_of_click(click: Click) -> Table:
    return _matches(Q(click=click))


@add_panel(Session, shows=Match)
def show_matches_of_session(visit: Session) -> Table:
    return _matches(Q(click__session=visit))


def _matches(condition: Q) -> Table:
    rows = Match.objects.filter(condition).select_related("conversion").order_by("-pk")[:ROWS_SHOWN]
    return Table(
        title=_("Sales matched to it"),
        headers=(_("match"), _("review"), _("order"), _("status"), _("rule"), _("matched at")),
        rows=[
            (
                row_link(row, row.get_decision_display()),
                review_badge(row),
                row_link(row.conversion, row.conversion.order_id),
                row.conversion.status,
                row.rule,
                moment(row.matched_at),
            )
            for row in rows
        ],
    )
