"""The page for a person: languages, filters, rows, evidence, the empty state, and the fragment that keeps it fresh."""

import html
import json
import re
from typing import Any

import pytest
from django.test import Client
from django.utils import translation
from django.utils.translation import gettext

from apps.sandbox import selectors
from apps.sandbox.explanations import explain_refusal
from apps.sandbox.meta.events import KEYS
from tests.sandbox.conftest import Post
from tests.sandbox.pages import read, rows_of, text_of, totals_of
from tests.sandbox.samples import BEARER, PIXEL, make_event, user

pytestmark = pytest.mark.django_db

OTHER_PIXEL = "987654321098765"
OTHER_PATH = f"/v26.0/{OTHER_PIXEL}/events"


@pytest.mark.parametrize(
    ("accepted", "language"),
    [("pt-BR,pt;q=0.9", "pt-br"), ("en-US,en;q=0.9", "en"), ("fr-FR", "pt-br"), ("", "pt-br")],
)
def test_the_page_speaks_the_readers_language_and_portuguese_by_default(
    http: Client, accepted: str, language: str
) -> None:
    page = read(http, language=accepted)

    with translation.override(language):
        words = [gettext("Events received"), gettext("Send your first event"), gettext("Rehearse a token in trouble")]
    assert f'<html lang="{language}">' in page
    assert all(html.escape(word) in page for word in words)
    assert re.findall(r'value="([\w-]+)" lang="[\w-]+" aria-current="true"', page) == [language]


def test_the_language_can_be_chosen_and_stays(http: Client) -> None:
    response: Any = http.post("/language", {"language": "en", "next": "/?pixel_id=1"})

    assert (response.status_code, response["Location"]) == (302, "/?pixel_id=1")
    assert '<html lang="en">' in read(http, language="pt-BR")


def test_the_empty_page_teaches_a_command_that_works(http: Client, send: Post) -> None:
    page = read(http)

    command = html.unescape(re.findall(r'<code id="curl">(.*?)</code>', page, re.DOTALL)[0])
    [address] = re.findall(r"curl -X POST http://testserver(\S+)", command)
    headers = dict(re.findall(r"-H '([\w-]+): (.+?)'", command))
    [body] = re.findall(r"-d '(.*)'", command, re.DOTALL)
    now = str(make_event()["event_time"])
    response = http.generic(
        "POST",
        address,
        body.replace("'$(date +%s)'", now),
        content_type=headers.pop("Content-Type"),
        headers=headers,
    )
    assert (response.status_code, response.json()["events_received"]) == (200, 1)
    assert totals_of(page) == ["0", "0", "0"]
    assert rows_of(page) == []


def test_an_accepted_event_is_a_row_with_its_evidence(http: Client, send: Post) -> None:
    event = make_event(custom_data={"value": 97.5, "currency": "BRL", "content_name": "Violão"})
    response: Any = send(event, test_event_code="TEST42")

    page = read(http)

    [row] = rows_of(page)
    text = text_of(row)
    payload, answer = (json.loads(html.unescape(found)) for found in re.findall(r"<code>({.*?)</code>", row, re.DOTALL))
    assert (payload, answer) == (event, response.json())
    assert list(payload) == [key for key in KEYS if key in event]
    assert all(fact in text for fact in ("Purchase", "order-1001", PIXEL, "v26.0", "TEST42", "Violão"))
    assert 'class="accepted"' in row
    assert totals_of(page) == ["1", "0", "0"]


def test_a_duplicate_is_a_row_that_explains_itself(http: Client, send: Post) -> None:
    send(make_event())
    send(make_event())

    page = read(http)

    duplicate, accepted = rows_of(page)
    explanation = "the same pixel, event name and event id came less than 48 hours before"
    assert explanation in text_of(duplicate)
    assert explanation not in text_of(accepted)
    assert totals_of(page) == ["1", "1", "0"]


def test_a_refused_request_is_a_row_in_words_without_its_body(http: Client, send: Post) -> None:
    response: Any = send(make_event(), make_event(**user(em="ana@example.com")))

    page = read(http)

    [row] = rows_of(page)
    text = text_of(row)
    assert "Request of 2 events" in text
    assert str(explain_refusal(100, 2804016)) in text
    assert "100 / 2804016" in text
    assert "data[1].user_data.em" in text
    assert response.json()["error"]["fbtrace_id"] in text
    assert "ana@example.com" not in page
    assert 'class="refused"' in row
    assert totals_of(page) == ["0", "0", "1"]


def test_an_unreadable_request_is_a_row_without_events(http: Client) -> None:
    http.generic("POST", "/v26.0/1/events", b"{", content_type="application/json", headers=BEARER)

    [row] = rows_of(read(http))

    assert "Request without events" in text_of(row)


def test_the_newest_comes_first(http: Client, send: Post) -> None:
    send(make_event(event_id="order-1"), make_event(event_id="order-2"))
    send(make_event(event_id="order-3"))

    rows = rows_of(read(http))

    assert [re.findall(r"order-\d", row)[0] for row in rows] == ["order-3", "order-2", "order-1"]


@pytest.fixture
def _four_rows(send: Post) -> None:
    send(make_event(event_id="order-1"), make_event(event_id="order-2"))
    send(make_event(event_id="order-1"))
    send(make_event(event_id="order-1"), path=OTHER_PATH)
    send(make_event(event_time=0), path=OTHER_PATH)


@pytest.mark.parametrize(
    ("query", "verdicts", "totals"),
    [
        ({}, ["refused", "accepted", "duplicate", "accepted", "accepted"], ["3", "1", "1"]),
        ({"pixel_id": PIXEL}, ["duplicate", "accepted", "accepted"], ["2", "1", "0"]),
        ({"pixel_id": f" {OTHER_PIXEL} "}, ["refused", "accepted"], ["1", "0", "1"]),
        ({"pixel_id": "1"}, [], ["0", "0", "0"]),
        ({"verdict": "accepted"}, ["accepted", "accepted", "accepted"], ["3", "1", "1"]),
        ({"verdict": "duplicate"}, ["duplicate"], ["3", "1", "1"]),
        ({"verdict": "refused"}, ["refused"], ["3", "1", "1"]),
        ({"verdict": "refused", "pixel_id": PIXEL}, [], ["2", "1", "0"]),
        ({"event_id": "order-1"}, ["accepted", "duplicate", "accepted"], ["3", "1", "1"]),
        ({"event_id": "order-1", "verdict": "accepted"}, ["accepted", "accepted"], ["3", "1", "1"]),
        ({"event_id": "order-1", "pixel_id": OTHER_PIXEL}, ["accepted"], ["1", "0", "1"]),
        (
            {"event_id": "\x00", "verdict": "'"},
            ["refused", "accepted", "duplicate", "accepted", "accepted"],
            ["3", "1", "1"],
        ),
    ],
    ids=lambda value: "-".join(value) or "none" if isinstance(value, dict) else "",
)
@pytest.mark.usefixtures("_four_rows")
def test_filters_narrow_the_rows(http: Client, query: dict[str, str], verdicts: list[str], totals: list[str]) -> None:
    page = read(http, **query)

    assert re.findall(r'id="row-[\d-]+" class="(\w+)"', page) == verdicts
    assert totals_of(page) == totals
    assert ("Nothing matches" in page) is (verdicts == [])


@pytest.mark.usefixtures("_four_rows")
def test_the_form_keeps_what_was_filtered_by(http: Client) -> None:
    page = read(http, pixel_id=PIXEL, event_id="order-1", verdict="duplicate")

    assert f'name="pixel_id" value="{PIXEL}"' in page
    assert 'name="event_id" value="order-1"' in page
    assert '<option value="duplicate" selected>' in page


def test_older_rows_are_on_the_next_page_of_the_same_filter(
    http: Client, send: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selectors, "PAGE_SIZE", 2)
    send(*(make_event(event_id=f"order-{number}") for number in range(5)))
    query = f"?pixel_id={PIXEL}"

    first, last = read(http, "/", pixel_id=PIXEL), read(http, "/", pixel_id=PIXEL, page="3")

    assert [re.findall(r"order-\d", row)[0] for row in rows_of(first) + rows_of(last)] == [
        "order-4",
        "order-3",
        "order-0",
    ]
    assert f'rel="next" href="{query}&amp;page=2"' in first
    assert 'rel="prev"' not in first
    assert f'rel="prev" href="{query}&amp;page=2"' in last
    assert 'rel="next"' not in last
    assert ("data-fragment" in first, "data-fragment" in last) == (True, False)


@pytest.mark.parametrize("number", ["0", "-1", "x", "", "9" * 30, "1e3", "²", "\x00"], ids=repr)
def test_an_odd_page_number_is_survived(http: Client, send: Post, number: str) -> None:
    send(make_event())

    assert len(rows_of(read(http, page=number))) == 1


def test_a_page_past_the_end_is_empty_not_an_error(http: Client, send: Post) -> None:
    send(make_event())

    page = read(http, page="99999999")

    assert rows_of(page) == []
    assert "Nothing matches" in page


def test_the_fragment_is_silent_until_something_comes(http: Client, send: Post) -> None:
    send(make_event())
    [seen] = re.findall(r'data-seen="([\d-]+)"', read(http))

    silent = http.get("/received", {"seen": seen})
    send(make_event())
    news = read(http, "/received", seen=seen)

    assert (silent.status_code, silent.content) == (204, b"")
    assert len(rows_of(news)) == 2
    assert "<html" not in news
    assert re.findall(r'data-seen="([\d-]+)"', news) != [seen]


def test_the_fragment_keeps_to_the_filter(http: Client, send: Post) -> None:
    send(make_event())
    send(make_event(), path=OTHER_PATH)

    assert len(rows_of(read(http, "/received", pixel_id=OTHER_PIXEL, seen="0-0"))) == 1


def test_a_cleared_list_is_news_too(http: Client, send: Post) -> None:
    send(make_event())
    [seen] = re.findall(r'data-seen="([\d-]+)"', read(http))
    http.delete("/received.json", headers={"X-Sandbox-Clear": "yes"})

    assert "Send your first event" in read(http, "/received", seen=seen)


@pytest.mark.parametrize("path", ["/", "/received"])
@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_the_page_is_only_read(http: Client, path: str, method: str) -> None:
    assert getattr(http, method)(path).status_code == 405


def test_a_page_of_many_rows_takes_few_queries(http: Client, send: Post, django_assert_num_queries: Any) -> None:
    send(*(make_event(event_id=f"order-{number}") for number in range(60)))

    with django_assert_num_queries(5):
        page = read(http)

    assert len(rows_of(page)) == selectors.PAGE_SIZE
