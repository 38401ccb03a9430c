"""How the Graph API says no: one error object in the body, and a status that tells less than the codes in it.

A client must go by `code` and `error_subcode` alone. Meta translates the texts and changes them without
notice; ours are our own.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One "no". `where` names the culprit for our page (`data[2].user_data.em`); Meta's answers do not."""

    message: str
    code: int = 100
    subcode: int | None = None
    status: int = 400
    is_transient: bool = False
    title: str = ""
    advice: str = ""
    where: str = ""

    def at(self, where: str) -> "Refusal":
        return replace(self, where=where)


class RefusalError(Exception):
    """Raised by the rules at the first fault; Meta, too, names only one."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def answer_refusal(refusal: Refusal, trace_id: str) -> dict[str, object]:
    """The JSON body of a refusal."""
    error: dict[str, object] = {"message": refusal.message, "type": "OAuthException", "code": refusal.code}
    if refusal.subcode is not None:
        error["error_subcode"] = refusal.subcode
    error["is_transient"] = refusal.is_transient
    if refusal.title:
        error["error_user_title"] = refusal.title
        error["error_user_msg"] = refusal.advice
    error["fbtrace_id"] = trace_id
    return {"error": error}


def bad_parameter(problem: str, where: str) -> Refusal:
    """Code 100 without a subcode: whatever has no number of its own."""
    return Refusal(message=f"(#100) {problem} on param {json_path(where)}", where=where)


def json_path(where: str) -> str:
    """`data[0].user_data` in the way in which Meta writes it: "$['data'][0]['user_data']"."""
    path = ""
    for part in where.split("."):
        name, bracket, index = part.partition("[")
        path += f"['{name}']{bracket}{index}"
    return f'"${path}"'


def _invalid(subcode: int, title: str, advice: str) -> Refusal:
    return Refusal(message="Invalid parameter", subcode=subcode, title=title, advice=advice)


MALFORMED_FBC = _invalid(
    2804001, "Click ID Incorrectly Formatted", "fbc must be fb.<subdomain index>.<milliseconds>.<fbclid>."
)
TOO_OLD = _invalid(
    2804003, "Event Timestamp Too Old", "An event may be at most 7 days old, one of a physical store 62 days."
)
NO_VALUE = _invalid(2804009, "Missing Purchase Value", "A Purchase needs a number in custom_data.value.")
NO_CURRENCY = _invalid(
    2804010, "Missing Purchase Currency", "A Purchase needs a currency such as BRL in custom_data.currency."
)
NOT_HASHED = _invalid(
    2804016, "User Parameter Not Hashed", "Hash this key with SHA-256 and send 64 hexadecimal characters."
)
TOO_LITTLE_IDENTITY = _invalid(
    2804050,
    "Not Enough Customer Information",
    "Add a key that can find one person, such as em, ph or external_id.",
)

NO_TOKEN = Refusal(message="An access token is needed for this request.", code=104)
UNREADABLE_TOKEN = Refusal(message="Invalid OAuth access token: it cannot be parsed.", code=190, status=401)
UNKNOWN_OBJECT = Refusal(
    message="Unsupported request: the object does not exist, or this token may not use it.", subcode=33
)
UNSUPPORTED_METHOD = Refusal(message="(#100) Unsupported request method for this address.")
UNREADABLE_BODY = Refusal(message="(#100) The body could not be read.")
OUT_OF_SERVICE = Refusal(message="(#2) Service temporarily unavailable.", code=2, status=500, is_transient=True)
