"""What a sender of hits, words on ads or batches is told of a field, for each word of a TrackingError or a warning."""

from collections.abc import Mapping

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_stubs_ext import StrPromise

from apps.clicks.batch.people import MAX_HASHES
from apps.clicks.batch.reading import EVENT_NAMES
from apps.clicks.tracking import TEXT_LIMITS

SENTENCES: Mapping[str, StrPromise] = {
    "required": gettext_lazy("This field is required."),
    "not_text": gettext_lazy("This must be plain text."),
    "not_boolean": gettext_lazy("This must be true, false or null."),
    "not_an_answer": gettext_lazy("This must be true or false."),
    "not_a_word": gettext_lazy("This must be one word of letters, digits, dots, dashes and underscores."),
    "not_a_time": gettext_lazy("This must be a time in whole milliseconds since 1970."),
    "not_a_page": gettext_lazy("This must be an address that starts with http:// or https://."),
    "not_a_hash": gettext_lazy("This must be a SHA-256 in 64 hexadecimal digits."),
    "not_an_object": gettext_lazy("This must be one JSON object."),
    "not_an_event_id": gettext_lazy("This must be 1 to 100 visible characters without a space."),
    "a_sale": gettext_lazy(
        "Sales come from a gateway or the orders endpoint, so that each is counted once. Do not send them here."
    ),
    "not_a_moment": gettext_lazy("This must be ISO 8601 with an offset, or Unix seconds (not milliseconds)."),
    "too_old": gettext_lazy("This is more than 7 days ago, and ad platforms take nothing older."),
    "too_far_ahead": gettext_lazy("This is more than 5 minutes ahead of the hub's clock."),
    "unknown_funnel": gettext_lazy("No funnel of this account has this public_key."),
    "clear": gettext_lazy("This is in clear. Hash it with SHA-256, or use a signing key that may send clear data."),
    "personal": gettext_lazy("This tells of a person and is not read. Do not send it."),
    "hash_of_nothing": gettext_lazy("This is the hash of no value. Leave the field out where there is none."),
    "not_a_number": gettext_lazy("This must be a number from 0 up and was left out."),
    "not_a_currency": gettext_lazy("This must be a currency of three letters and was left out."),
    "not_a_list_of_texts": gettext_lazy("This must be a list of at most 50 short texts and was left out."),
    "not_a_content_type": gettext_lazy("This must be product or product_group and was left out."),
    "a_machine": gettext_lazy("This is a machine's user agent, so the event is kept apart and told to nobody."),
    "unreadable": gettext_lazy("This could not be read and was left out."),
    "unknown": gettext_lazy("This field is not known and was left out."),
    "not_an_address": gettext_lazy("This is no IP address and was left out."),
    "inside_a_network": gettext_lazy(
        "This address is inside a network, so it is not the visitor's. It was left out; send the one your proxy saw."
    ),
}


def sentence_on(name: str, word: str) -> str:
    """In the reader's language; `name` is the field's, whose limit some sentences tell."""
    if word == "too_long":
        return _("At most %(limit)d characters are accepted.") % {"limit": TEXT_LIMITS[name]}
    if word == "too_many_hashes":
        return _("At most %(limit)d hashes are accepted.") % {"limit": MAX_HASHES}
    if word == "not_an_event_name":
        return _("This must be one of: %(names)s.") % {"names": ", ".join(EVENT_NAMES)}
    return str(SENTENCES[word])
