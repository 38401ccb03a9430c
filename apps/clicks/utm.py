"""UTM parameters of an ad: written with Meta's macros, and read back into the campaign, ad set and ad they name.

Meta replaces `{{campaign.id}}` and the like when the ad is shown, but only where the braces stand as they are. Sellers
write names and ids in one parameter, `name|id`, or one of the two; all of these are read.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote, unquote_plus

# Macro -> what it might become, for examples.
META_MACROS: Mapping[str, str] = {
    "{{campaign.id}}": "120210000000000001",
    "{{campaign.name}}": "Confeitaria | Frio",
    "{{adset.id}}": "120210000000000002",
    "{{adset.name}}": "Lookalike 1%",
    "{{ad.id}}": "120210000000000003",
    "{{ad.name}}": "Video 3",
    "{{placement}}": "Instagram_Reels",
    "{{site_source_name}}": "ig",
}


class Style(StrEnum):
    """What the parameters say of campaign, ad set and ad."""

    PACKED = "packed"
    IDS = "ids"
    NAMES = "names"


TEMPLATES: Mapping[Style, Mapping[str, str]] = {
    Style.PACKED: {
        "utm_campaign": "{{campaign.name}}|{{campaign.id}}",
        "utm_medium": "{{adset.name}}|{{adset.id}}",
        "utm_content": "{{ad.name}}|{{ad.id}}",
    },
    Style.IDS: {"utm_campaign": "{{campaign.id}}", "utm_medium": "{{adset.id}}", "utm_content": "{{ad.id}}"},
    Style.NAMES: {
        "utm_campaign": "{{campaign.name}}",
        "utm_medium": "{{adset.name}}",
        "utm_content": "{{ad.name}}",
        "utm_id": "{{campaign.id}}",
    },
}
_MACRO = re.compile(r"\{\{[a-z_.]+\}\}")
# A pipe that was encoded twice is still one.
_ID = r"(?P<id>[0-9]{10,20})"
_PIPE = r"\s*(?:\||%7C)\s*"
_ID_LAST = re.compile(rf"(?:(?P<name>.*?){_PIPE})?{_ID}", re.IGNORECASE)
_ID_FIRST = re.compile(rf"{_ID}{_PIPE}(?P<name>.*)", re.IGNORECASE)
_OUR_IDS = re.compile(r"ht[cs][0-9a-v]{24}", re.IGNORECASE)
# What utm_medium says when it is used as Google meant it: no ad set is called so.
_MEDIUM_WORDS = """
    cpc ppc cpm cpa paid paidsocial paid_social paid-social social display email e-mail organic referral affiliate
    afiliado sms whatsapp
"""
_MEDIA = frozenset(_MEDIUM_WORDS.split())


@dataclass(frozen=True, slots=True)
class Named:
    """A campaign, ad set or ad; what the parameters did not tell is empty."""

    id: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class AdSource:
    """Which ad brought a click, as far as its UTM parameters tell."""

    source: str
    campaign: Named
    adset: Named
    ad: Named
    placement: str


def compose_utm(style: Style, *, source: str = "facebook", extra: Mapping[str, str] | None = None) -> str:
    """URL parameters to paste into Meta's ad; `extra` are added, replace a parameter, or remove it by ""."""
    values = {"utm_source": source, **TEMPLATES[style], "utm_term": "{{placement}}", **(extra or {})}
    return "&".join(f"{quote(name)}={_encode(value)}" for name, value in values.items() if value)


def fill_macros(parameters: str) -> str:
    """The same parameters as Meta might have filled them in."""
    return _MACRO.sub(lambda macro: quote(META_MACROS.get(macro[0], macro[0])), parameters)


def unknown_macros(text: str) -> list[str]:
    """What looks like a macro and is none of Meta's: it would stay in the address as it is."""
    return [word for word in re.findall(r"\{\{.*?\}\}", text) if word not in META_MACROS]


def read_utm(utm: Mapping[str, str]) -> AdSource:
    """What the parameters name, however they are packed. Macros that nobody replaced count as missing."""
    medium, term = utm.get("utm_medium", ""), utm.get("utm_term", "")
    has_plain_medium = medium.strip().casefold() in _MEDIA
    adset = read_named(term if has_plain_medium else medium)
    is_adset_in_term = has_plain_medium and bool(adset.id)
    campaign = read_named(utm.get("utm_campaign", ""))
    return AdSource(
        source=_clean(utm.get("utm_source", "")),
        campaign=Named(campaign.id or read_named(utm.get("utm_id", "")).id, campaign.name),
        adset=adset if is_adset_in_term or not has_plain_medium else Named(),
        ad=read_named(utm.get("utm_content", "")),
        placement="" if is_adset_in_term else _clean(term),
    )


def read_named(value: str) -> Named:
    """`name|id`, `id|name`, an id or a name; a name may have pipes of its own."""
    text = _clean(value)
    found = _ID_LAST.fullmatch(text) or _ID_FIRST.fullmatch(text)
    return Named(found["id"], found["name"] or "") if found else Named("", text)


def read_parameters(parameters: str) -> dict[str, str]:
    """Name and value of URL parameters, decoded; of a name that comes twice the first counts."""
    found: dict[str, str] = {}
    for pair in parameters.split("&"):
        name, _, value = pair.partition("=")
        found.setdefault(unquote_plus(name), unquote_plus(value))
    return found


def _clean(value: str) -> str:
    """Without macros nobody replaced and without the click id that a redirect link put beside the value."""
    return _OUR_IDS.sub("", _MACRO.sub("", value)).strip(" |")


def _encode(value: str) -> str:
    """Percent-encoded but for the macros, which Meta finds only as they are."""
    encoded, end = "", 0
    for macro in _MACRO.finditer(value):
        encoded += quote(value[end : macro.start()], safe="") + macro[0]
        end = macro.end()
    return encoded + quote(value[end:], safe="")
