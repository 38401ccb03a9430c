"""The documented rules of a request, one row each: what is spoilt, and the codes that a sender goes by."""

from datetime import timedelta
from typing import Any

import pytest

from apps.sandbox.meta.events import ACTION_SOURCES, KEYS, REQUIRED
from apps.sandbox.meta.user_data import HASHED_KEYS
from apps.sandbox.meta.validation import examine_call
from tests.sandbox.samples import EMAIL, FBC, NOW, PHONE, TOKEN, Json, make_call, make_event, user

SECONDS_NOW = int(NOW.timestamp())
SEVEN_DAYS = 7 * 86_400
SIXTY_TWO_DAYS = 62 * 86_400


def refused(change: Json, subcode: int | None, where: str, name: str) -> Any:
    return pytest.param(change, subcode, where, id=name)


REFUSED = [
    *(refused({key: None}, None, "data[0]", f"without {key}") for key in REQUIRED),
    *(refused({key: ""}, None, "data[0]", f"blank {key}") for key in ("event_name", "action_source")),
    refused({"event_source_url": None}, None, "data[0]", "website without its URL"),
    refused({"event_source_url": ""}, None, "data[0]", "website with a blank URL"),
    refused({"advertiser_tracking_enabled": 1}, None, "data[0]", "unknown key"),
    refused({"Event_Name": "Purchase"}, None, "data[0]", "key in other letters"),
    refused({"event_name": 7}, None, "data[0].event_name", "name as a number"),
    refused({"event_time": "1795348800"}, None, "data[0].event_time", "time as a string"),
    refused({"event_time": 1795348800.5}, None, "data[0].event_time", "time with a fraction"),
    refused({"event_time": True}, None, "data[0].event_time", "time as a boolean"),
    refused({"event_time": SECONDS_NOW * 1000}, None, "data[0].event_time", "time in milliseconds"),
    refused({"event_time": 10**4000}, None, "data[0].event_time", "time of 4000 digits"),
    refused({"event_id": 1001}, None, "data[0].event_id", "event_id as a number"),
    refused({"event_source_url": ["https://shop.example.com"]}, None, "data[0].event_source_url", "URL as a list"),
    refused({"user_data": [EMAIL]}, None, "data[0].user_data", "user_data as a list"),
    refused({"custom_data": "97.00 BRL"}, None, "data[0].custom_data", "custom_data as a string"),
    refused({"opt_out": "false"}, None, "data[0].opt_out", "opt_out as a string"),
    refused({"data_processing_options": "LDU"}, None, "data[0].data_processing_options", "options as a string"),
    refused(
        {"data_processing_options_country": "0"}, None, "data[0].data_processing_options_country", "country as a string"
    ),
    refused({"original_event_data": "x"}, None, "data[0].original_event_data", "original event as a string"),
    refused({"extinfo": "a2"}, None, "data[0].extinfo", "extinfo as a string"),
    refused({"action_source": "web"}, None, "data[0].action_source", "unknown action_source"),
    refused({"action_source": "Website"}, None, "data[0].action_source", "action_source in other letters"),
    refused({"customer_segmentation": "vip"}, None, "data[0].customer_segmentation", "unknown segment"),
    refused({"event_time": SECONDS_NOW - SEVEN_DAYS - 1}, 2804003, "data[0].event_time", "older than 7 days"),
    refused({"event_time": 0}, 2804003, "data[0].event_time", "time zero"),
    refused({"event_time": -(10**4000)}, 2804003, "data[0].event_time", "time of minus 4000 digits"),
    refused(
        {"event_time": SECONDS_NOW - SIXTY_TWO_DAYS - 1, "action_source": "physical_store"},
        2804003,
        "data[0].event_time",
        "store event older than 62 days",
    ),
    *(
        refused(user(**{key: "ana"}), 2804016, f"data[0].user_data.{key}", f"{key} in clear")
        for key in sorted(HASHED_KEYS)
    ),
    refused(user(em=""), 2804016, "data[0].user_data.em", "blank e-mail"),
    refused(user(em=[EMAIL, ""]), 2804016, "data[0].user_data.em", "blank e-mail in a list"),
    refused(user(em=[EMAIL, "ana@example.com"]), 2804016, "data[0].user_data.em", "one of two e-mails in clear"),
    refused(user(em=EMAIL[:-1]), 2804016, "data[0].user_data.em", "63 digits"),
    refused(user(em=EMAIL + "0"), 2804016, "data[0].user_data.em", "65 digits"),
    refused(user(em=EMAIL + "\n"), 2804016, "data[0].user_data.em", "hash with a line break"),
    refused(user(em=EMAIL[:32]), 2804016, "data[0].user_data.em", "MD5"),
    refused(user(em=EMAIL + ".AQ!"), 2804016, "data[0].user_data.em", "hash with a malformed mark"),
    refused(user(em=5), None, "data[0].user_data.em", "e-mail as a number"),
    refused(user(em=[[EMAIL]]), None, "data[0].user_data.em", "list in a list"),
    refused(user(em={"hash": EMAIL}), None, "data[0].user_data.em", "e-mail as an object"),
    refused(user(external_id=7), None, "data[0].user_data.external_id", "external_id as a number"),
    refused(user(e_mail=EMAIL), None, "data[0].user_data", "unknown key of user_data"),
    refused(user(client_ip_address="203.0.113.256"), None, "data[0].user_data.client_ip_address", "no IP address"),
    refused(user(client_ip_address=" 203.0.113.7"), None, "data[0].user_data.client_ip_address", "IP with a space"),
    refused(user(client_ip_address=EMAIL), None, "data[0].user_data.client_ip_address", "hashed IP"),
    refused(user(client_user_agent=EMAIL), None, "data[0].user_data.client_user_agent", "hashed user agent"),
    refused(user(client_user_agent=["x"]), None, "data[0].user_data.client_user_agent", "user agent as a list"),
    refused(user(fbp=EMAIL), None, "data[0].user_data.fbp", "hashed fbp"),
    refused(user(lead_id=True), None, "data[0].user_data.lead_id", "lead_id as a boolean"),
    refused(user(fbc=EMAIL), None, "data[0].user_data.fbc", "hashed fbc"),
    refused(user(fbc="fb.1.1795326000000."), 2804001, "data[0].user_data.fbc", "fbc without a fbclid"),
    refused(user(fbc="fb.1.1795326000.IwAR1"), 2804001, "data[0].user_data.fbc", "fbc with seconds"),
    refused(user(fbc="IwAR1abcDEF"), 2804001, "data[0].user_data.fbc", "a bare fbclid"),
    refused(user(fbc=FBC + ".abc"), 2804001, "data[0].user_data.fbc", "fbc with a malformed mark"),
    refused(user(fbc=FBC + "\n"), 2804001, "data[0].user_data.fbc", "fbc with a line break"),
    refused({"user_data": {}}, 2804050, "data[0].user_data", "nobody"),
    refused({"user_data": {"em": []}}, 2804050, "data[0].user_data", "an empty list"),
    refused({"user_data": {"client_user_agent": "x"}}, 2804050, "data[0].user_data", "a user agent alone"),
    refused(
        {"user_data": {"ct": EMAIL, "country": EMAIL, "st": EMAIL, "zp": EMAIL, "ge": EMAIL, "client_user_agent": "x"}},
        2804050,
        "data[0].user_data",
        "a place",
    ),
    refused({"user_data": {"db": EMAIL, "client_user_agent": "x"}}, 2804050, "data[0].user_data", "a birthday"),
    refused({"user_data": {"fn": EMAIL, "ge": EMAIL}}, 2804050, "data[0].user_data", "a first name"),
    refused({"user_data": {"ln": EMAIL, "ge": EMAIL}}, 2804050, "data[0].user_data", "a last name"),
    refused({"user_data": {"fn": EMAIL, "external_id": ""}}, 2804050, "data[0].user_data", "a blank external_id"),
    refused({"custom_data": None}, 2804009, "data[0].custom_data.value", "Purchase without custom_data"),
    refused({"custom_data": {"currency": "BRL"}}, 2804009, "data[0].custom_data.value", "Purchase without value"),
    *(
        refused({"custom_data": {"value": value, "currency": "BRL"}}, 2804009, "data[0].custom_data.value", name)
        for value, name in [
            (None, "null"),
            ("", "blank"),
            ("1.234,56", "Brazilian"),
            ("R$ 10", "symbol"),
            (True, "true"),
        ]
    ),
    refused({"custom_data": {"value": 1}}, 2804010, "data[0].custom_data.currency", "Purchase without currency"),
    *(
        refused({"custom_data": {"value": 1, "currency": text}}, 2804010, "data[0].custom_data.currency", f"{text!r}")
        for text in ("", None, "BRLL", "R$", 986)
    ),
]

ACCEPTED = [
    pytest.param({}, id="as it is"),
    *(pytest.param({"action_source": source}, id=source) for source in sorted(ACTION_SOURCES)),
    pytest.param({"action_source": "email", "event_source_url": None}, id="e-mail without a URL"),
    pytest.param({"event_id": None}, id="without an event_id"),
    pytest.param({"event_time": SECONDS_NOW - SEVEN_DAYS}, id="just 7 days old"),
    pytest.param(
        {"event_time": SECONDS_NOW - SIXTY_TWO_DAYS, "action_source": "physical_store"}, id="store, 62 days old"
    ),
    pytest.param({"event_time": SECONDS_NOW + 3600}, id="in the future: no rule is documented"),
    pytest.param(user(client_user_agent=None), id="website without a user agent"),
    pytest.param(user(em=EMAIL), id="one hash outside a list"),
    pytest.param(user(em=[EMAIL.upper(), EMAIL + ".AQQCAQMC", EMAIL + ".BA"]), id="upper case and marks"),
    pytest.param(user(em=None, external_id="customer-7"), id="external_id in clear"),
    pytest.param(user(em=None, external_id=[EMAIL, "7"]), id="external_id both ways"),
    pytest.param(user(client_ip_address="2001:db8::7"), id="IPv6"),
    pytest.param(user(client_ip_address="203.0.113.7.AQICAQMC"), id="IP with a mark"),
    pytest.param(user(fbc=FBC, fbp="fb.1.1795326000000.1234567890"), id="browser ids"),
    pytest.param(user(fbc=FBC + ".AQICAQMC"), id="fbc with a mark"),
    pytest.param(user(fbc=""), id="blank fbc"),
    pytest.param(user(fb_login_id=12345, lead_id="678"), id="ids as numbers and as text"),
    pytest.param({"user_data": {"fn": EMAIL, "ln": EMAIL}}, id="a full name"),
    pytest.param({"user_data": {"db": EMAIL, "ct": EMAIL}}, id="a birthday and a city"),
    pytest.param({"user_data": {"client_ip_address": "203.0.113.7"}}, id="an IP alone"),
    pytest.param({"custom_data": {"value": "97.50", "currency": "brl", "my_own": {"a": [1]}}}, id="own keys, texts"),
    pytest.param({"custom_data": {"value": 0, "currency": "USD"}}, id="a gift"),
    pytest.param({"event_name": "Lead", "custom_data": None}, id="Lead without custom_data"),
    pytest.param({"opt_out": True, "referrer_url": "https://example.com/"}, id="optional keys"),
    pytest.param(
        {
            "data_processing_options": ["LDU"],
            "data_processing_options_country": 1,
            "data_processing_options_state": 1000,
        },
        id="limited data use",
    ),
    pytest.param({"customer_segmentation": "customer_in_loyalty_program"}, id="a segment"),
    pytest.param({"original_event_data": {"event_name": "Lead"}, "extinfo": ["a2"]}, id="objects and lists"),
]


@pytest.mark.parametrize(("change", "subcode", "where"), REFUSED)
def test_a_fault_is_refused_with_its_code_and_place(change: Json, subcode: int | None, where: str) -> None:
    examined = examine_call(make_call(make_event(NOW, **change)))

    assert examined.refusal is not None
    assert (examined.refusal.code, examined.refusal.subcode) == (100, subcode)
    assert (examined.refusal.status, examined.refusal.where) == (400, where)
    assert examined.events == ()
    assert examined.submitted == 1


@pytest.mark.parametrize("change", ACCEPTED)
def test_a_good_event_is_kept_as_it_was_sent(change: Json) -> None:
    event = make_event(NOW, **change)

    examined = examine_call(make_call(event))

    assert examined.refusal is None
    assert [kept.payload for kept in examined.events] == [event]
    assert (examined.token, examined.submitted) == (TOKEN, 1)


@pytest.mark.parametrize("key", sorted(KEYS.keys() - set(REQUIRED)))
def test_null_is_the_same_as_absent(key: str) -> None:
    event = {**make_event(NOW, action_source="other", event_name="Lead"), key: None}

    assert examine_call(make_call(event)).refusal is None


def test_what_the_platform_goes_by_is_read_from_the_event() -> None:
    [event] = examine_call(make_call(make_event(NOW, event_id="order-7"))).events

    assert (event.name, event.event_id, event.event_time) == ("Purchase", "order-7", SECONDS_NOW - 60)


def test_an_unknown_key_is_named_in_the_way_of_meta() -> None:
    refusal = examine_call(make_call(make_event(NOW), make_event(NOW, advertiser=1))).refusal

    assert refusal is not None
    assert refusal.message == """(#100) Unexpected key "advertiser" on param "$['data'][1]\""""


def test_a_fault_inside_user_data_is_named_with_its_whole_path() -> None:
    refusal = examine_call(make_call(make_event(NOW, **user(em=5)))).refusal

    assert refusal is not None
    assert refusal.message == (
        """(#100) Must be a string or a list of strings on param "$['data'][0]['user_data']['em']\""""
    )


def test_a_long_unknown_key_is_cut_in_the_message() -> None:
    refusal = examine_call(make_call(make_event(NOW, **{"k" * 500: 1}))).refusal

    assert refusal is not None
    assert refusal.message == f"""(#100) Unexpected key "{"k" * 50}" on param "$['data'][0]\""""


@pytest.mark.parametrize("position", [0, 1, 2])
def test_one_bad_event_refuses_the_whole_request(position: int) -> None:
    events = [make_event(NOW, event_id=f"order-{number}") for number in range(3)]
    events[position] |= user(em="ana@example.com")

    examined = examine_call(make_call(*events))

    assert examined.refusal is not None
    assert (examined.refusal.subcode, examined.refusal.where) == (2804016, f"data[{position}].user_data.em")
    assert examined.events == ()
    assert examined.submitted == 3


def test_the_first_of_two_faults_is_told() -> None:
    too_old = make_event(NOW, event_time=0)
    without_value = make_event(NOW, custom_data={"currency": "BRL"})

    refusal = examine_call(make_call(too_old, without_value)).refusal

    assert refusal is not None
    assert refusal.subcode == 2804003


@pytest.mark.parametrize("event", [None, "", 0, True, [], [{}], 1.5], ids=repr)
def test_an_event_that_is_no_object_is_refused(event: object) -> None:
    examined = examine_call(make_call(event))

    assert examined.refusal is not None
    assert (examined.refusal.code, examined.refusal.where) == (100, "data[0]")
    assert examined.refusal.message == """(#100) Must be an object on param "$['data'][0]\""""


def test_1000_events_pass_and_1001_do_not() -> None:
    events = [make_event(NOW, event_id=f"order-{number}") for number in range(1001)]

    full, over = examine_call(make_call(*events[:1000])), examine_call(make_call(*events))

    assert (full.refusal, len(full.events)) == (None, 1000)
    assert over.refusal is not None
    assert over.refusal.message == """(#100) At most 1000 events are accepted at once on param "$['data']\""""
    assert over.events == ()


@pytest.mark.parametrize("pixel_id", ["a b", "1/2", "", "x" * 65, "123\n", "пиксель"], ids=repr)
def test_a_pixel_id_that_cannot_be_one_is_an_unknown_object(pixel_id: str) -> None:
    examined = examine_call(make_call(make_event(NOW), pixel_id=pixel_id))

    assert examined.refusal is not None
    assert (examined.refusal.code, examined.refusal.subcode) == (100, 33)
    assert examined.events == ()


def test_a_clock_a_second_later_makes_the_oldest_event_too_old() -> None:
    event = make_event(NOW, event_time=SECONDS_NOW - SEVEN_DAYS)

    on_time = examine_call(make_call(event))
    late = examine_call(make_call(event, received_at=NOW + timedelta(seconds=1)))

    assert on_time.refusal is None
    assert late.refusal is not None
    assert late.refusal.subcode == 2804003


def test_two_identities_are_two_hashes_in_one_list() -> None:
    event = make_event(NOW, **user(ph=[PHONE, EMAIL]))

    [kept] = examine_call(make_call(event)).events

    assert kept.payload["user_data"] == event["user_data"]
