"""Meta's own Python library as the judge: what it builds and sends, the sandbox must accept.

The library is a development dependency; the application never imports it. Importing it warns, so that is wrapped.
"""

import json
import time
import warnings
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import responses
from django.test import Client

from apps.sandbox.models import ReceivedEvent, Verdict
from tests.sandbox.conftest import Post
from tests.sandbox.samples import FBC, PIXEL, TOKEN, digest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from facebook_business.adobjects.serverside.action_source import ActionSource
    from facebook_business.adobjects.serverside.content import Content
    from facebook_business.adobjects.serverside.custom_data import CustomData
    from facebook_business.adobjects.serverside.event import Event
    from facebook_business.adobjects.serverside.event_request import EventRequest
    from facebook_business.adobjects.serverside.gender import Gender
    from facebook_business.adobjects.serverside.user_data import UserData
    from facebook_business.api import FacebookAdsApi
    from facebook_business.exceptions import FacebookRequestError

pytestmark = pytest.mark.django_db


def build_event(**changes: Any) -> Any:
    facts: dict[str, Any] = {
        "event_name": "Purchase",
        "event_time": int(time.time()) - 60,
        "event_id": "order-1001",
        "event_source_url": "https://shop.example.com/thanks",
        "referrer_url": "https://shop.example.com/",
        "action_source": ActionSource.WEBSITE,
        "opt_out": False,
        "data_processing_options": [],
        "user_data": build_user(),
        "custom_data": CustomData(
            value=297.9,
            currency="BRL",
            order_id="HP-1",
            content_ids=["curso-1"],
            contents=[Content(product_id="curso-1", quantity=1, item_price=297.9)],
            content_type="product",
            custom_properties={"utm_source": "fb"},
        ),
        **changes,
    }
    return Event(**facts)


def build_user() -> Any:
    return UserData(
        emails=["Ana@Example.com", "ana.lima@example.com"],
        phones=["+55 (11) 98765-4321"],
        first_names=["Ana"],
        last_names=["Lima"],
        genders=[Gender.FEMALE],
        dates_of_birth=["19900503"],
        cities=["São Paulo"],
        states=["SP"],
        zip_codes=["01310-100"],
        country_codes=["BR"],
        external_ids=["customer-7"],
        client_ip_address="2001:db8::7",
        client_user_agent="Mozilla/5.0",
        fbc=FBC,
        fbp="fb.1.1795326000000.1234567890",
        subscription_id="sub-1",
        lead_id="12345",
        f5first="anaxx",
        doby="1990",
    )


def test_an_event_of_the_library_is_accepted_as_json(send: Post) -> None:
    normalised = json.loads(json.dumps(build_event().normalize()))

    response: Any = send(normalised)

    assert (response.status_code, response.json()["events_received"]) == (200, 1)
    kept = ReceivedEvent.objects.get()
    assert (kept.verdict, kept.payload) == (Verdict.ACCEPTED, normalised)
    assert digest("ana@example.com") in kept.payload["user_data"]["em"]


@pytest.mark.parametrize("source", list(ActionSource))
def test_every_action_source_of_the_library_is_known(send: Post, source: Any) -> None:
    response: Any = send(build_event(action_source=source).normalize())

    assert response.status_code == 200


@pytest.fixture
def _library_calls_the_sandbox(http: Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The library's own HTTP requests, as they would go out, handed to our view."""

    def hand_over(request: requests.PreparedRequest) -> tuple[int, dict[str, str], bytes]:
        address = urlsplit(request.url or "")
        answer: Any = http.generic(
            "POST",
            f"{address.path}?{address.query}",
            request.body or b"",
            content_type=request.headers["Content-Type"],
        )
        return answer.status_code, dict(answer.headers), answer.content

    monkeypatch.setattr(FacebookAdsApi, "_default_api", None)
    FacebookAdsApi.init(access_token=TOKEN, crash_log=False)
    with responses.RequestsMock() as platform:
        platform.add_callback(responses.POST, f"https://graph.facebook.com/v26.0/{PIXEL}/events", hand_over)
        yield


@pytest.mark.usefixtures("_library_calls_the_sandbox")
def test_a_request_of_the_library_is_understood_as_it_goes_over_the_wire() -> None:
    events = [build_event(), build_event(event_id="order-2"), build_event()]

    answer = EventRequest(pixel_id=PIXEL, events=events, test_event_code="TEST42").execute()

    assert (answer.events_received, answer.messages) == (3, [])
    kept = ReceivedEvent.objects.select_related("request").order_by("pk")
    assert [event.verdict for event in kept] == [Verdict.ACCEPTED, Verdict.ACCEPTED, Verdict.DUPLICATE]
    assert {(event.request.test_event_code, event.request.token_fingerprint) for event in kept} == {
        ("TEST42", digest(TOKEN)[:8])
    }


@pytest.mark.usefixtures("_library_calls_the_sandbox")
def test_the_library_reads_our_refusal_as_one_of_meta() -> None:
    too_old = build_event(event_time=1)

    with pytest.raises(FacebookRequestError) as raised:
        EventRequest(pixel_id=PIXEL, events=[build_event(), too_old]).execute()

    error = raised.value
    assert (error.http_status(), error.api_error_code(), error.api_error_subcode()) == (400, 100, 2804003)
    assert (error.api_error_type(), error.api_transient_error()) == ("OAuthException", False)
    assert not ReceivedEvent.objects.exists()
