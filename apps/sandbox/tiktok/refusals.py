"""How TikTok says no: HTTP 200 and a `code` other than 0, with a message that names the field.

A client must go by the code. The texts are our own.
"""

from dataclasses import dataclass

_OK = 0
_BAD_PARAMETER = 40002


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One "no". `where` names the culprit (`data[2].user.email`)."""

    code: int
    message: str
    where: str = ""


class RefusalError(Exception):
    """Raised by the rules at the first fault."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def bad_parameter(problem: str, where: str = "") -> Refusal:
    return Refusal(code=_BAD_PARAMETER, message=f"{where}: {problem}." if where else f"{problem}.", where=where)


def answer_track(refusal: Refusal | None, request_id: str) -> dict[str, object]:
    """The JSON body of every answer."""
    code, message = (refusal.code, refusal.message) if refusal else (_OK, "OK")
    return {"code": code, "message": message, "request_id": request_id, "data": {}}


NO_PERMISSION = Refusal(code=40001, message="This access token has no permission for this event source.")
BAD_TOKEN = Refusal(code=40105, message="The access token is missing, wrong or was revoked.")
UNREADABLE_BODY = bad_parameter("The body must be a JSON object, sent as application/json")
UNSUPPORTED_METHOD = bad_parameter("Only POST is supported")
