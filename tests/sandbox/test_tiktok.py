"""TikTok's Events API at the stand-in: what it takes, what it refuses and in which words, what it keeps."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone, translation

from apps.sandbox.explanations import explain_refusal
from apps.sandbox.models import FirstReceipt, ReceivedEvent, ReceivedRequest, Verdict
from apps.sandbox.samples import REHEARSALS as SHOWN
from apps.sandbox.tiktok.tokens import REHEARSALS
from apps.sandbox.tiktok.validation import Examined, TrackCall, examine_track
from tests.sandbox.checks import assert_nothing_accepted
from tests.sandbox.conftest import Post
from tests.sandbox.pages import read, rows_of, text_of, totals_of
from tests.sandbox.samples import EMAIL, PIXEL, Json, digest
from tests.sandbox.samples import make_event as make_meta_event

PATH = "/open_api/v1.3/event/track/"
CODE = "C4D2PIXEL"
TOKEN = {"Access-Token": "token-of-ana"}
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECONDS_NOW = int(NOW.timestamp())
PHONE = digest("+5511987654321")


def make_event(seconds: int | None = None, **changes: Any) -> Json:
    """A web purchase a minute old; None takes a key out."""
    event = {
        "event": "Purchase",
        "event_time": (seconds or int(time.time())) - 60,
        "event_id": "order-1001",
        "user": {"email": [EMAIL], "phone": PHONE, "ttclid": "E.C.P.abc", "ip": "203.0.113.7"},
        "properties": {"value": 97.0, "currency": "BRL", "contents": [{"content_id": "1", "price": 97, "quantity": 1}]},
        "page": {"url": "https://shop.example.com/thanks"},
        **changes,
    }
    return {key: value for key, value in event.items() if value is not None}


def make_body(*events: object, **changes: Any) -> Json:
    body = {"event_source": "web", "event_source_id": CODE, "data": list(events), **changes}
    return {key: value for key, value in body.items() if value is not None}


def examine(body: object, **changes: Any) -> Examined:
    facts: Json = {
        "version": "v1.3",
        "token": "token-of-ana",
        "content_type": "application/json",
        "body": body if isinstance(body, bytes) else json.dumps(body).encode(),
        "received_at": NOW,
        **changes,
    }
    return examine_track(TrackCall(**facts))


def track(http: Client, *events: Json, headers: dict[str, str] = TOKEN, **changes: Any) -> Any:
    return http.post(PATH, make_body(*events, **changes), content_type="application/json", headers=headers)


def deep(levels: int) -> object:
    """A tower of lists."""
    return [deep(levels - 1)] if levels else []


def refused(change: Json, where: str, name: str) -> Any:
    return pytest.param(change, where, id=name)


def user(**changes: Any) -> Json:
    return {"user": {"email": EMAIL, **changes}}


def order(**changes: Any) -> Json:
    return {"properties": {"value": 1, "currency": "BRL", **changes}}


REFUSED = [
    *(refused({key: None}, f"data[0].{key}", f"without {key}") for key in ("event", "event_time")),
    refused({"event": ""}, "data[0].event", "blank name"),
    refused({"event": 7}, "data[0].event", "name as a number"),
    refused({"event_time": "1795348800"}, "data[0].event_time", "time as a string"),
    refused({"event_time": 1795348800.5}, "data[0].event_time", "time with a fraction"),
    refused({"event_time": True}, "data[0].event_time", "time as a boolean"),
    refused({"event_time": SECONDS_NOW * 1000}, "data[0].event_time", "time in milliseconds"),
    refused({"event_time": -1}, "data[0].event_time", "time before 1970"),
    refused({"event_id": 1001}, "data[0].event_id", "event_id as a number"),
    refused({"user": [EMAIL]}, "data[0].user", "user as a list"),
    refused({"properties": "97 BRL"}, "data[0].properties", "properties as a string"),
    refused({"limited_data_use": "no"}, "data[0].limited_data_use", "flag as a string"),
    *(refused(user(**{key: "ana"}), f"data[0].user.{key}", f"{key} in clear") for key in ("email", "phone")),
    refused(user(external_id="buyer-7"), "data[0].user.external_id", "external_id in clear"),
    refused(user(email=""), "data[0].user.email", "blank e-mail"),
    refused(user(email=[EMAIL, ""]), "data[0].user.email", "blank e-mail in a list"),
    refused(user(email=EMAIL[:-1]), "data[0].user.email", "63 digits"),
    refused(user(email=EMAIL + "\n"), "data[0].user.email", "hash with a line break"),
    refused(user(phone=5), "data[0].user.phone", "phone as a number"),
    refused(user(phone=[[PHONE]]), "data[0].user.phone", "list in a list"),
    refused(user(ttclid=5), "data[0].user.ttclid", "ttclid as a number"),
    refused(user(ttclid=EMAIL), "data[0].user.ttclid", "hashed ttclid"),
    refused(user(user_agent=EMAIL), "data[0].user.user_agent", "hashed user agent"),
    refused(user(ip=EMAIL), "data[0].user.ip", "hashed IP"),
    refused(user(ip="203.0.113.256"), "data[0].user.ip", "no IP address"),
    refused(order(currency="brl"), "data[0].properties.currency", "currency in small letters"),
    refused(order(currency=986), "data[0].properties.currency", "currency as a number"),
    refused(order(currency=""), "data[0].properties.currency", "blank currency"),
    refused(order(value="97.00"), "data[0].properties.value", "value as a string"),
    refused(order(value=True), "data[0].properties.value", "value as a boolean"),
    refused(order(order_id=1), "data[0].properties.order_id", "order_id as a number"),
    refused(order(contents={"content_id": "1"}), "data[0].properties.contents", "contents as an object"),
    refused(order(contents=["1"]), "data[0].properties.contents", "contents of strings"),
    refused(order(contents=[{}, {"price": "1"}]), "data[0].properties.contents[1].price", "price as a string"),
    refused(order(contents=[{"content_id": 1}]), "data[0].properties.contents[0].content_id", "id as a number"),
    refused(order(content_ids=[1]), "data[0].properties.content_ids", "ids as numbers"),
    refused({"page": None}, "data[0].page.url", "without a page"),
    refused({"page": {"url": ""}}, "data[0].page.url", "blank URL"),
    refused({"page": {"url": 5}}, "data[0].page.url", "URL as a number"),
    refused({"page": {"url": "shop.example.com"}}, "data[0].page.url", "URL without a scheme"),
    refused({"page": {"url": "https://x.example.com", "referrer": 5}}, "data[0].page.referrer", "referrer as a number"),
]

ACCEPTED = [
    pytest.param({}, id="as it is"),
    pytest.param({"event": "CompletePayment"}, id="legacy name"),
    pytest.param({"event": "Compra na Black"}, id="custom name"),
    pytest.param({"event_id": None}, id="without an event_id"),
    pytest.param({"event_time": SECONDS_NOW - 30 * 86_400}, id="a month old: no rule is documented"),
    pytest.param({"event_time": SECONDS_NOW + 3600}, id="in the future: no rule is documented"),
    pytest.param({"user": None}, id="without a user"),
    pytest.param(user(email=[EMAIL.upper(), EMAIL]), id="upper case and lists"),
    pytest.param(user(email=None, ip=None), id="null is absent"),
    pytest.param(user(ip="2001:db8::7", ttp="2fV", locale="pt-BR", user_agent="Mozilla/5.0"), id="plain keys"),
    pytest.param(user(first_name="x", zip_code="y"), id="keys of user that are not documented"),
    pytest.param({"properties": None}, id="without properties"),
    pytest.param(order(value=0, my_own={"a": [1]}), id="own keys"),
    pytest.param({"limited_data_use": True, "lead": {}, "unheard_of": 1}, id="other keys"),
]


@pytest.mark.parametrize(("change", "where"), REFUSED)
def test_a_fault_is_refused_by_40002_which_names_the_field(change: Json, where: str) -> None:
    examined = examine(make_body(make_event(SECONDS_NOW, **change)))

    assert examined.refusal is not None
    assert (examined.refusal.code, examined.refusal.where) == (40002, where)
    assert examined.refusal.message.startswith(f"{where}: ")
    assert (examined.events, examined.submitted, examined.event_source_id) == ((), 1, CODE)


@pytest.mark.parametrize("change", ACCEPTED)
def test_a_good_event_is_kept_as_it_was_sent(change: Json) -> None:
    event = make_event(SECONDS_NOW, **change)

    examined = examine(make_body(event))

    assert examined.refusal is None
    assert [kept.payload for kept in examined.events] == [event]
    assert (examined.submitted, examined.event_source_id) == (1, CODE)


@pytest.mark.parametrize("source", ["app", "offline", "crm"])
def test_only_events_of_the_web_need_a_page(source: str) -> None:
    event = make_event(SECONDS_NOW, page=None)

    assert examine(make_body(event, event_source=source)).refusal is None


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"event_source": None}, "event_source"),
        ({"event_source": "website"}, "event_source"),
        ({"event_source": 5}, "event_source"),
        ({"event_source_id": None}, "event_source_id"),
        ({"event_source_id": ""}, "event_source_id"),
        ({"event_source_id": 5}, "event_source_id"),
        ({"data": None}, "data"),
        ({"data": []}, "data"),
        ({"data": {}}, "data"),
        ({"data": ["x"]}, "data[0]"),
        ({"test_event_code": 5}, "test_event_code"),
    ],
)
def test_a_request_without_its_keys_is_refused(changes: Json, where: str) -> None:
    examined = examine(make_body(make_event(SECONDS_NOW), **changes))

    assert examined.refusal is not None
    assert (examined.refusal.code, examined.refusal.where, examined.events) == (40002, where, ())


@pytest.mark.parametrize("position", [0, 1, 2])
def test_one_bad_event_refuses_the_whole_request(position: int) -> None:
    events = [make_event(SECONDS_NOW, event_id=f"order-{number}") for number in range(3)]
    events[position] |= user(email="ana@example.com")

    examined = examine(make_body(*events))

    assert examined.refusal is not None
    assert examined.refusal.where == f"data[{position}].user.email"
    assert (examined.events, examined.submitted) == ((), 3)
    assert "ana@example.com" not in examined.refusal.message


def test_1000_events_pass_and_1001_do_not() -> None:
    events = [make_event(SECONDS_NOW, event_id=f"order-{number}") for number in range(1001)]

    full, over = examine(make_body(*events[:1000])), examine(make_body(*events))

    assert (full.refusal, len(full.events)) == (None, 1000)
    assert over.refusal is not None
    assert (over.refusal.code, over.refusal.where, over.events) == (40002, "data", ())


@pytest.mark.parametrize(
    ("token", "code"),
    [
        *((token, 40105) for token in (None, "", " ", "a b", "ação", "a\nb", "my-expired-token", "REVOKED1")),
        ("forbidden-1", 40001),
    ],
)
def test_a_token_in_trouble_refuses_the_request(token: str | None, code: int) -> None:
    examined = examine(make_body(make_event(SECONDS_NOW)), token=token)

    assert examined.refusal is not None
    assert (examined.refusal.code, examined.events, examined.submitted) == (code, (), 1)


@pytest.mark.parametrize("token", ["x", "a" * 5000, "expiring", "app|secret"])
def test_any_other_token_is_good(token: str) -> None:
    assert examine(make_body(make_event(SECONDS_NOW)), token=token).refusal is None


def test_the_page_shows_the_codes_that_really_come() -> None:
    shown = {told.word: told.tiktok_code for told in SHOWN}

    assert {word: code for word, code in shown.items() if code} == {
        word: str(refusal.code) for word, refusal in REHEARSALS.items()
    }


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "application/json"),
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b"null", "application/json"),
        (b"\xff\xfe{\x00}\x00", "application/json"),
        (b'{"data":[' + b"[" * 100_000, "application/json"),
        (b'{"event_source": NaN}', "application/json"),
        (json.dumps(make_body(make_event(SECONDS_NOW, event_id="a\x00b"))).encode(), "application/json"),
        (json.dumps(make_body(make_event(SECONDS_NOW, event="\ud800"))).encode(), "application/json"),
        (json.dumps(make_body(make_event(SECONDS_NOW, lead=deep(40)))).encode(), "application/json"),
        (json.dumps(make_body(make_event(SECONDS_NOW))).encode(), "text/plain"),
        (b"data=[]", "application/x-www-form-urlencoded"),
    ],
)
@pytest.mark.django_db
def test_a_body_that_cannot_be_read_or_kept_is_refused(http: Client, body: bytes, content_type: str) -> None:
    answer: Any = http.generic("POST", PATH, body, content_type=content_type, headers=TOKEN)

    assert (answer.status_code, answer.json()["code"]) == (200, 40002)
    assert_nothing_accepted()


@pytest.mark.django_db
def test_a_body_that_is_too_long_is_refused_and_not_kept(http: Client) -> None:
    answer = track(http, make_event(event_id="x" * 1_048_577))

    assert (answer.status_code, answer.json()["code"]) == (200, 40002)
    assert not ReceivedRequest.objects.exists()


@pytest.mark.django_db
def test_what_is_taken_is_answered_with_code_0(http: Client) -> None:
    answer = track(http, make_event(), make_event(event_id="order-2"), test_event_code="TEST7")

    told = answer.json()
    assert answer.status_code == 200
    assert {**told, "request_id": ""} == {"code": 0, "message": "OK", "request_id": "", "data": {}}
    assert len(told["request_id"]) > 10
    kept = ReceivedRequest.objects.get()
    assert (kept.platform, kept.pixel_id, kept.version, kept.events_count) == ("tiktok", CODE, "v1.3", 2)
    assert (kept.status, kept.error_code, kept.test_event_code, kept.answer) == (200, None, "TEST7", told)


@pytest.mark.django_db
def test_a_refusal_is_a_200_too_and_keeps_nothing_of_its_body(http: Client) -> None:
    answer = track(http, make_event(), make_event(user={"email": "ana@example.com"}))

    told = answer.json()
    assert (answer.status_code, told["code"]) == (200, 40002)
    assert told["message"] == "data[1].user.email: must be hashed with SHA-256."
    kept = ReceivedRequest.objects.get()
    assert (kept.platform, kept.status, kept.error_code, kept.error_where) == (
        *("tiktok", 200, 40002, "data[1].user.email"),
    )
    assert (kept.pixel_id, kept.events_count) == (CODE, 2)
    assert_nothing_accepted()


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
@pytest.mark.django_db
def test_other_methods_are_refused(http: Client, method: str) -> None:
    answer = getattr(http, method)(PATH)

    assert (answer.status_code, answer.json()["code"]) == (200, 40002)
    assert not ReceivedRequest.objects.exists()


@pytest.mark.parametrize("path", ["/open_api/v1.2/event/track/", "/open_api/v1.3/event/track", "/open_api/v1.3/"])
@pytest.mark.django_db
def test_other_addresses_are_nobodys(http: Client, path: str) -> None:
    assert http.post(path, make_body(make_event()), content_type="application/json", headers=TOKEN).status_code == 404
    assert not ReceivedRequest.objects.exists()


@pytest.mark.django_db
def test_a_copy_is_answered_as_the_first_and_is_a_duplicate(http: Client) -> None:
    answers = [track(http, make_event()) for _ in range(3)]
    within_one = track(http, make_event(event_id="order-2"), make_event(event_id="order-2"))

    assert [answer.json()["code"] for answer in (*answers, within_one)] == [0, 0, 0, 0]
    assert list(ReceivedEvent.objects.order_by("pk").values_list("verdict", flat=True)) == [
        *(Verdict.ACCEPTED, Verdict.DUPLICATE, Verdict.DUPLICATE),
        *(Verdict.ACCEPTED, Verdict.DUPLICATE),
    ]


@pytest.mark.parametrize(
    ("change", "pixel"),
    [({"event_id": "order-2"}, CODE), ({"event": "Lead"}, CODE), ({}, "C999"), ({"event_id": None}, CODE)],
    ids=["other id", "other name", "other pixel", "no id"],
)
@pytest.mark.django_db
def test_source_name_and_id_together_make_a_copy(http: Client, change: Json, pixel: str) -> None:
    track(http, make_event())
    track(http, make_event(**change), event_source_id=pixel)

    assert set(ReceivedEvent.objects.values_list("verdict", flat=True)) == {Verdict.ACCEPTED}


@pytest.mark.parametrize(("age", "verdict"), [(timedelta(hours=47), "duplicate"), (timedelta(hours=48), "accepted")])
@pytest.mark.django_db
def test_a_copy_is_known_for_48_hours(http: Client, age: timedelta, verdict: str) -> None:
    track(http, make_event())
    FirstReceipt.objects.update(received_at=timezone.now() - age)

    track(http, make_event())

    assert ReceivedEvent.objects.order_by("pk").values_list("verdict", flat=True)[1] == verdict


@pytest.mark.django_db
def test_two_platforms_with_the_same_ids_are_no_copies_of_each_other(http: Client, send: Post) -> None:
    send(make_meta_event())

    track(http, make_event(), event_source_id=PIXEL)

    assert list(ReceivedEvent.objects.values_list("verdict", flat=True)) == [Verdict.ACCEPTED, Verdict.ACCEPTED]


@pytest.mark.django_db
def test_programs_read_which_platform_it_was(http: Client, send: Post) -> None:
    send(make_meta_event())
    event = make_event()
    track(http, event)

    [_meta, tiktok] = http.get("/received.json").json()["events"]

    assert tiktok.pop("received_at")
    assert tiktok == {
        "platform": "tiktok",
        "pixel_id": CODE,
        "event_id": "order-1001",
        "event_name": "Purchase",
        "verdict": "accepted",
        "payload": event,
    }


@pytest.mark.django_db
def test_the_page_shows_the_event_as_it_was_sent(http: Client) -> None:
    track(http, {**make_event(), "lead": {"a": "b"}}, test_event_code="TEST7")

    [row] = rows_of(read(http))

    text = text_of(row)
    assert all(fact in text for fact in ("Purchase", "order-1001", CODE, "TikTok v1.3", "TEST7", '"E.C.P.abc"'))
    assert text.index('"event"') < text.index('"user"') < text.index('"page"') < text.index('"lead"')


@pytest.mark.django_db
def test_the_page_tells_a_refusal_in_words(http: Client) -> None:
    track(http, make_event(user={"email": "ana@example.com"}))

    page = read(http)

    text = text_of(rows_of(page)[0])
    assert str(explain_refusal(40002, None)) in text
    assert all(fact in text for fact in ("Request of 1 event", "40002", "data[0].user.email", "TikTok"))
    assert "ana@example.com" not in page
    assert totals_of(page) == ["0", "0", "1"]


@pytest.mark.parametrize("language", ["pt-br", "en"])
def test_every_code_has_words_of_its_own(language: str) -> None:
    with translation.override(language):
        words = {str(explain_refusal(code, None)) for code in (1, 40001, 40002, 40105)}

    assert len(words) == 4
