"""Phone numbers as people type them -> the digits Meta hashes: country code, number, no plus.

Brazilian numbers are read here, by length: this runs on every webhook, and area code 55 (RS) makes the first
two digits useless as evidence. All others go to `phonenumbers` and must be valid there.
"""

import re

import phonenumbers

from apps.core.identity.text import clean_field, is_sha256

# The dialling-plan notation for "0, then any carrier": 0xx11.
_CARRIER_PLACEHOLDER = re.compile(r"0\s*xx")
_SEPARATORS = r"\s().\-\u2010-\u2015\u2212"
# A slash may part two numbers or the groups of one, so the shorter reading comes first.
_READINGS = (
    re.compile(rf"(?P<prefix>[+(\s]*)(?P<number>[0-9][0-9{_SEPARATORS}]*)"),
    re.compile(rf"(?P<prefix>[+(\s]*)(?P<number>[0-9][0-9{_SEPARATORS}/]*)"),
)
_NON_DIGITS = re.compile(r"[^0-9]+")
# The 67 area codes in use, then nine digits from 9 on (mobile) or eight (landline, or a mobile before 2016).
_NINE_DIGITS, _EIGHT_DIGITS = re.compile(r"(55[1-9]{2})9([6-9][0-9]{7})"), re.compile(r"(55[1-9]{2})([6-9][0-9]{7})")
_BRAZILIAN = re.compile(
    r"(?:1[1-9]|2[12478]|3[1-578]|4[1-9]|5[1345]|6[1-9]|7[134579]|8[1-9]|9[1-9])(?:9[0-9]{8}|[2-9][0-9]{7})"
)


def normalise_phone(raw: str, country: str = "BR") -> str | None:
    """Digits with the country code; `country` (alpha-2) is that of a number written without one."""
    text = clean_field(raw)
    if text is None or is_sha256(text):
        return text
    region = country.strip().upper()
    text = _CARRIER_PLACEHOLDER.sub("0", text)
    for reading in _READINGS:
        found = reading.search(text)
        if found is None:
            return None
        number = _read_number(found["number"], region, has_plus="+" in found["prefix"])
        if number is not None:
            return number
    return None


def other_form(phone: str) -> str | None:
    """A Brazilian mobile number, normalised, written with its ninth digit or without, unlike `phone`; else None."""
    with_ninth, without = _NINE_DIGITS.fullmatch(phone), _EIGHT_DIGITS.fullmatch(phone)
    if with_ninth:
        return with_ninth[1] + with_ninth[2]
    return f"{without[1]}9{without[2]}" if without else None


def _read_number(written: str, region: str, *, has_plus: bool) -> str | None:
    digits = _NON_DIGITS.sub("", written)
    if digits.startswith("00"):
        # "00" is read as "+" before phonenumbers sees it: for Brazil it would take a carrier code after it.
        digits, has_plus = digits[2:], True
    if has_plus:
        return _complete_brazilian(digits) or _parse("+" + digits, None)
    if region == "BR":
        brazilian = _national_brazilian(digits) or _complete_brazilian(digits)
        if brazilian:
            return brazilian
    return _parse(digits, region) or _parse("+" + digits, None)


def _national_brazilian(digits: str) -> str | None:
    national = digits.removeprefix("0")
    return "55" + national if _BRAZILIAN.fullmatch(national) else None


def _complete_brazilian(digits: str) -> str | None:
    return _national_brazilian(digits[2:]) if digits.startswith("55") else None


def _parse(number: str, region: str | None) -> str | None:
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")
