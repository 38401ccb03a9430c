"""Measured confidence in words, in the reader's language."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from apps.matching.fitting import MIN_OF_EACH, MIN_ROWS
from apps.matching.grading import WANTED, Grade, Share


def percent(share: float | None, digits: int = 1) -> str:
    return "-" if share is None else f"{share * 100:.{digits}f} %"


def counted(share: Share) -> str:
    """The share with what it stands on."""
    if share.value is None:
        return "-"
    return _("%(value)s: %(hits)d of %(of)d") % {"value": percent(share.value), "hits": share.hits, "of": share.of}


def between(share: Share) -> str:
    """The interval in which the true share may lie."""
    return "-" if share.value is None else " - ".join(percent(end) for end in share.interval())


def caveat() -> str:
    """What a grade does not tell."""
    return _(
        "Measured on sales whose click id came back, with the id hidden, and on what people decided in review. An ad "
        "click is known to have brought these, and mostly at once. Sales that lost their id are harder: some were "
        "brought by no ad, others by a buyer who came back later or on another device."
    )


def explain_proposal(found: Grade) -> str:
    facts = {"wanted": round(WANTED * 100), "threshold": round((found.proposed_threshold or 0) * 100)}
    if found.proposed_threshold is None:
        return _("None: these sales are too few to show that %(wanted)d %% are right, or too many are wrong.") % facts
    sentence = _("%(threshold)d %%: from there on %(wanted)d %% or more are right, chance allowed for.") % facts
    if found.proposed_threshold >= max(found.auto_thresholds):
        return sentence
    return sentence + " " + _("Go lower only with care: of sales that lost their id fewer will be right.")


def explain_fit(fit: Mapping[str, Any]) -> str:
    """What came of one tier; `fit` as a report holds it."""
    facts = {**fit, "wrong": fit["rows"] - fit["right"], "needed": MIN_ROWS, "each": MIN_OF_EACH}
    if fit["is_fitted"]:
        return _("Fitted to %(rows)d clicks, %(right)d of which brought the sale.") % facts
    return (
        _(
            "Keeps the product's weights: there are %(rows)d clicks, %(right)d right and %(wrong)d wrong; %(needed)d "
            "with %(each)d of each are needed."
        )
        % facts
    )
