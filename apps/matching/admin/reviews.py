"""The review of matches: what waits, the form by which a person decides, and what was decided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from apps.conversions.admin import by_order
from apps.core.admin import TECHNICAL, Colours, Table, act_on_each, badge, column, moment, row_link, word_filter
from apps.core.admin.columns import EMPTY, list_address
from apps.matching.models import Match, MatchReview, ReviewState
from apps.matching.services import accept_match, choose_click, reject_match
from apps.matching.services.review import MAX_NOTE
from apps.tenants.admin import TENANT_FILTER, OwnedRecordAdmin

REVIEW_COLOURS: dict[str, str] = {
    ReviewState.PENDING: "warning",
    ReviewState.ACCEPTED: "success",
    ReviewState.CHOSEN: "success",
    ReviewState.REJECTED: "danger",
    ReviewState.TIMED_OUT: "info",
}
REVIEW_FILTER = word_filter(
    _("review"), "review", {state.value: (state.label, Q(review=state)) for state in ReviewState}
)


def percent(share: float) -> str:
    return f"{round(share * 100)} %"


def score_bar(score: float, *thresholds: float) -> SafeString:
    """The score as a length, with a mark at each threshold."""
    marks = format_html_join("", '<b style="left:{}%"></b>', ((round(mark * 100),) for mark in thresholds))
    width = round(score * 100)
    bar = format_html('<span class="support-score"><i style="width:{}%"></i>{}</span>', width, marks)
    return format_html("{} {}", bar, percent(score))


def review_badge(match: Match) -> SafeString | str:
    if not match.review:
        return EMPTY
    return badge(match.review, match.get_review_display(), colour=REVIEW_COLOURS[match.review])


@dataclass(frozen=True, slots=True)
class ReviewForm(Table):
    """A card by which a person decides; `choices` are (click id, text), the proposal first."""

    template: ClassVar[str] = "admin/support/review.html"
    address: str = ""
    longest_note: int = MAX_NOTE
    choices: Sequence[tuple[str, str]] = ()


def ask(match: Match) -> ReviewForm:
    return ReviewForm(
        title=_("Which click brought this sale?"),
        words=_("The sale waits until %(until)s UTC; then the funnel's rule applies.")
        % {"until": f"{match.review_due_at:%Y-%m-%d %H:%M}"},
        headers=(),
        rows=(),
        address=list_address(Match, q=match.conversion.order_id),
        choices=[(item["click_id"], _choice(item)) for item in match.evidence],
    )


def _choice(item: dict[str, Any]) -> str:
    return f"{item['click_id']} · {item['clicked_at'][:16].replace('T', ' ')} · {percent(item['score'])}"


class Reviewing(OwnedRecordAdmin):
    """The two actions on matches that wait for a person; `note` and `click_id` come from the form on a match's page."""

    actions = ("accept", "reject")

    def has_review_permission(self, request: HttpRequest) -> bool:
        return self.may_act(request)

    @admin.action(description=_("Use the proposed click"), permissions=["review"])
    def accept(self, request: HttpRequest, queryset: QuerySet[Match]) -> None:
        said = {"actor": request.user.get_username(), "note": request.POST.get("note", "")}
        click_id = request.POST.get("click_id", "")

        def use(match: Match) -> Match:
            return choose_click(match, click_id, **said) if click_id else accept_match(match, **said)

        act_on_each(self, request, queryset, use, done=_("Click used"))

    @admin.action(description=_("Use no click"), permissions=["review"])
    def reject(self, request: HttpRequest, queryset: QuerySet[Match]) -> None:
        said = {"actor": request.user.get_username(), "note": request.POST.get("note", "")}
        act_on_each(self, request, queryset, lambda match: reject_match(match, **said), done=_("Proposal rejected"))


def show_history(match: Match) -> Table:
    rows = match.reviews.select_related("proposed", "click").order_by("pk")
    return Table(
        title=_("What was decided about it"),
        headers=(
            _("decision"),
            _("decided at (UTC)"),
            _("decided by"),
            _("proposed click"),
            _("click taken"),
            _("note"),
        ),
        rows=[
            (
                row_link(row, row.get_outcome_display()),
                moment(row.decided_at),
                row.actor or _("the funnel's rule"),
                row_link(row.proposed),
                row_link(row.click),
                row.note,
            )
            for row in rows
        ],
    )


def show_better(better: Mapping[str, Any]) -> Table:
    """The answer that came too late."""
    return Table(
        title=_("What would be decided by now"),
        words=_("The sale had been told, or a person had decided, before this was known. Nothing is told twice."),
        headers=(_("click"), _("rule"), _("confidence")),
        rows=[(better["click_id"], better["rule"], percent(better["confidence"]))],
    )


@column(_("order"))
def order(review: MatchReview) -> str:
    return row_link(review.match.conversion, review.match.conversion.order_id)


@column(_("confidence of the proposal"))
def confidence(review: MatchReview) -> str:
    return percent(review.confidence)


@admin.register(MatchReview)
class MatchReviewAdmin(OwnedRecordAdmin):
    """Decisions about matches, by people and by the clock."""

    list_display = ("decided_at", "outcome", order, confidence, "actor", "note", "tenant")
    list_select_related = ("match__conversion", "tenant")
    list_filter = (TENANT_FILTER, "outcome")
    searches_tenants = False
    lookups = (by_order("match__conversion"),)
    search_help_text = _("order id")
    colours: ClassVar[Colours] = {"outcome": REVIEW_COLOURS}
    layout = (
        (None, ("match", order, "outcome", "decided_at", "proposed", "click", confidence, "actor", "note", "tenant")),
        (TECHNICAL, ("id",)),
    )
