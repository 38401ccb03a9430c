"""What the console calls the hub's own words. Where a list lacks the room, what stands before the colon is enough."""

from collections.abc import Mapping

from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrPromise

from apps.core.admin import badge
from apps.core.admin.columns import EMPTY
from apps.gateways.events import Kind
from apps.gateways.registry import get_adapter
from apps.gateways.signatures import Strength

KIND_TEXTS: Mapping[str, StrPromise] = {
    Kind.ABANDONED_CHECKOUT: _("checkout abandoned"),
    Kind.PAYMENT_PENDING: _("Pix code or boleto issued"),
    Kind.APPROVED: _("payment approved"),
    Kind.RENEWED: _("subscription renewed"),
    Kind.TRIAL_STARTED: _("trial started"),
    Kind.REFUSED: _("payment refused"),
    Kind.EXPIRED: _("Pix code or boleto expired"),
    Kind.CANCELLED: _("order cancelled"),
    Kind.PARTIALLY_REFUNDED: _("partially refunded"),
    Kind.REFUNDED: _("refunded"),
    Kind.DISPUTED: _("dispute opened"),
    Kind.DISPUTE_WON: _("dispute won"),
    Kind.CHARGED_BACK: _("charged back"),
}
_STRENGTHS: Mapping[Strength, tuple[StrPromise, str]] = {
    Strength.HMAC: (_("strong: signature"), "success"),
    Strength.STATIC: (_("weak: fixed token"), "warning"),
    Strength.BODY: (_("weak: token in the body"), "warning"),
    Strength.NONE: (_("none: only the secret address"), "danger"),
}


def strength_of(gateway: str) -> Strength | None:
    """What a webhook of this gateway proves; None for a gateway that we do not speak with."""
    adapter = get_adapter(gateway)
    return adapter.verifier.strength if adapter else None


def strength_badge(gateway: str) -> SafeString | str:
    strength = strength_of(gateway)
    if strength is None:
        return EMPTY
    text, colour = _STRENGTHS[strength]
    return badge(strength.value, text, colour=colour)
