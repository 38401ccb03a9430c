"""Refusals in words for the person who reads the page: what was wrong, and what to do about it."""

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrPromise

# (code, subcode) -> the sentence; (code, None) also stands for every subcode that has no line of its own. The codes of
# five digits that begin with 4 are TikTok's, and none of them is Meta's too.
_SENTENCES: dict[tuple[int, int | None], StrPromise] = {
    (2, None): _("The platform was out of service. Send the same event again, with the same event_id."),
    (100, None): _(
        "A value is missing, unknown or of the wrong type. The answer names it: correct it, then send again."
    ),
    (100, 33): _("This token may not use this pixel, or the pixel id is wrong. Check both at the destination."),
    (100, 2804001): _("fbc is malformed. Send the cookie _fbc as it is, or leave fbc out."),
    (100, 2804003): _("The event is too old: at most 7 days, 62 for a physical store. It can no longer be sent."),
    (100, 2804009): _("A Purchase needs a number in custom_data.value."),
    (100, 2804010): _("A Purchase needs a currency of three letters in custom_data.currency."),
    (100, 2804016): _("A contact value came without its SHA-256 hash. Hash it, and leave empty values out."),
    (100, 2804050): _("Nobody can be found by so little data. Add an e-mail, a phone or an external_id, hashed."),
    (104, None): _("The request had no access token. Send it in the Authorization header, after the word Bearer."),
    (190, None): _("The access token cannot be read. Paste it again, without blanks or line breaks."),
    (190, 460): _("The access token was revoked. Generate a new one and save it at the destination."),
    (190, 463): _("The access token has expired. Generate a new one and save it at the destination."),
    (2500, None): _("There is no such API version. Choose one that the platform serves, such as v26.0."),
    (2635, None): _("This API version has ended. Choose a newer one at the destination."),
    (40001, None): _("This token may not use this pixel. Give it access in TikTok, or check the pixel id."),
    (40002, None): _("A value is missing or wrong. TikTok's answer names it: correct it, then send again."),
    (40105, None): _("The access token is missing, wrong or was revoked. Save a new one at the destination."),
}
_UNKNOWN = _("The platform refused the request. The answer tells more.")


def explain_refusal(code: int, subcode: int | None) -> StrPromise:
    return _SENTENCES.get((code, subcode)) or _SENTENCES.get((code, None)) or _UNKNOWN
