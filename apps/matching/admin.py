"""Matches with their evidence in words, here and on the pages of the conversion and the click."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

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
from apps.matching.evidence import explain_candidate, explain_match
from apps.matching.models import Match
from apps.matching.rules import RULES, Decision
from apps.tenants.admin import TENANT_FILTER, OwnedRecordAdmin, by_email, by_phone

DECISION_COLOURS: dict[str, str] = {Decision.AUTO: "success", Decision.REVIEW: "warning"}
RULE_FILTER = word_filter(_("rule"), "rule", {rule.name: (rule.name, Q(rule=rule.name)) for rule in RULES})

add_lookup(Conversion, Lookup("match__click__public_id"), Lookup("match__click__session__public_id"))


def _percent(share: float) -> str:
    return f"{round(share * 100)} %"


@column(_("confidence"))
def confidence(match: Match) -> str:
    return _percent(match.confidence)


@column(_("session"))
def session(match: Match) -> str:
    return row_link(match.click.session if match.click else None)


@admin.register(Match)
class MatchAdmin(OwnedRecordAdmin):
    """One decision a conversion, with every click that was weighed for it."""

    list_display = ("matched_at", "conversion", "decision", "rule", confidence, "click", "tenant")
    list_select_related = ("conversion", "click", "tenant")
    list_filter = (TENANT_FILTER, "decision", RULE_FILTER)
    lookups = (
        by_order("conversion"),
        by_email("conversion"),
        by_phone("conversion"),
        Lookup("click__public_id"),
        Lookup("click__session__public_id"),
    )
    search_help_text = _("order id, e-mail, phone, click id, session id, or the whole name of the tenant")
    colours: ClassVar[Colours] = {"decision": DECISION_COLOURS}
    never_shown = frozenset({"evidence"})
    layout = (
        (None, ("conversion", "tenant", "decision", "rule", confidence, "matched_at", "click", session)),
        (TECHNICAL, ("rule_set", "id")),
    )

    def get_panels(self, request: Any, row: Any) -> list[Panel]:
        return [show_evidence(row), *super().get_panels(request, row)]


def show_evidence(match: Match) -> Table:
    ids = [item["click_id"] for item in match.evidence]
    clicks = {click.public_id: click for click in Click.objects.filter(public_id__in=ids)}
    return Table(
        title=_("Why"),
        words=explain_match(match),
        headers=(_("click"), _("clicked at (UTC)"), _("signals"), _("score"), _("outcome"), _("reason")),
        rows=[_candidate_cells(item, clicks.get(item["click_id"])) for item in match.evidence],
    )


def _candidate_cells(item: Mapping[str, Any], click: Click | None) -> Sequence[Any]:
    signals = ", ".join(f"{signal['name']} {signal['weight']}" for signal in item["signals"] if signal["matched"])
    return (
        row_link(click) if click else item["click_id"],
        item["clicked_at"][:19].replace("T", " "),
        signals,
        _percent(item["score"]),
        badge(item["outcome"], colour="success" if item["outcome"] == "won" else ""),
        explain_candidate(dict(item)),
    )


@add_panel(Conversion, shows=Match)
def show_match(order: Conversion) -> Table:
    found = list(Match.objects.filter(conversion=order).select_related("click__session"))
    return Table(
        title=_("Match"),
        words=explain_match(found[0]) if found else _("Not matched yet."),
        headers=(_("match"), _("rule"), _("confidence"), _("click"), _("session")),
        rows=[
            (
                row_link(row, row.get_decision_display()),
                row.rule,
                _percent(row.confidence),
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
        headers=(_("match"), _("order"), _("status"), _("rule"), _("matched at")),
        rows=[
            (
                row_link(row, row.get_decision_display()),
                row_link(row.conversion, row.conversion.order_id),
                row.conversion.status,
                row.rule,
                moment(row.matched_at),
            )
            for row in rows
        ],
    )
