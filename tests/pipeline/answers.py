"""The one shape of every refusal."""

from tests.worlds import Answer

PROBLEM = ["code", "detail", "request_id", "status", "title", "type"]


def assert_problem(answer: Answer, status: int, code: str) -> None:
    body = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code)
    assert sorted(body) == PROBLEM
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Content-Length"] == str(len(answer.content))
    assert body["request_id"] == answer.headers["X-Request-Id"]
    assert body["type"].endswith(f"/problems#{code}")
