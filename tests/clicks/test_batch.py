"""Reading one event of a batch, without a database: what is taken, what is refused by name, what becomes a warning."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.clicks.batch.reading import EVENT_NAMES, BatchEvent, event_id_of, read_event
from apps.clicks.tracking import TEXT_LIMITS, TrackingError

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PAGE = "https://cursosdaana.example.com/oferta"
NO_NAMES: list[Any] = ["Scroll", "page view", 7, ["pageview"], {}, True, "pageview\x00"]
NO_MOMENTS: list[Any] = [
    *("yesterday", "2026-11-22T11:00:00", "", "1795345200", True, [], {}),
    *(10**30, -(10**30), 1e308, "9999-99-99T00:00:00Z", "0001-01-01T00:00+23:59"),
]
NO_ADDRESSES: list[Any] = ["x", "1.2.3", "200.160.2.3:80", "2804::1%eth0", 7, [], "1.2.3.4, 5.6.7.8"]


def given(**members: Any) -> dict[str, Any]:
    return {"event_id": "e1", "event_name": "pageview", "public_key": "pk_1", "url": PAGE, **members}


def read(**members: Any) -> BatchEvent:
    return read_event(given(**members), may_send_clear=False, now=NOW)


def problems(event: Any) -> dict[str, str]:
    with pytest.raises(TrackingError) as refused:
        read_event(event, may_send_clear=False, now=NOW)
    return refused.value.fields


def test_the_least_that_is_an_event() -> None:
    event = read()

    assert (event.event_id, event.name, event.occurred_at, event.ip, event.user_agent) == (
        "e1",
        "pageview",
        None,
        None,
        "",
    )
    assert dict(event.hit.texts) == {"event_id": "e1", "public_key": "pk_1", "url": PAGE}
    assert (event.hit.identity, event.hit.consent_ads, event.hit.is_from_script) == ({}, None, False)
    assert event.warnings == {}


def test_everything_that_an_event_may_say() -> None:
    texts = {
        name: f"{name}-value"
        for name in TEXT_LIMITS
        if name not in ("public_key", "url", "event_id", "email", "phone", "phone_e164", "external_id")
    }

    event = read(
        **texts,
        ip="200.160.2.3",
        user_agent="Mozilla/5.0 (Android 15)",
        consent_ads=False,
        data={"value": "10.50", "currency": "brl"},
        user={"em": "a" * 64},
        event_time="2026-11-22T08:59:00-03:00",
    )

    assert dict(event.hit.texts) == {**texts, "event_id": "e1", "public_key": "pk_1", "url": PAGE}
    assert event.hit.data == {"value": "10.50", "currency": "BRL"}
    assert (event.hit.consent_ads, event.hit.identity) == (False, {"em": ["a" * 64]})
    assert (event.ip, event.user_agent) == ("200.160.2.3", "Mozilla/5.0 (Android 15)")
    assert event.occurred_at == datetime(2026, 11, 22, 11, 59, tzinfo=UTC)
    assert event.warnings == {}


@pytest.mark.parametrize("event", [None, 7, "x", [], [{}], True])
def test_an_event_is_an_object(event: Any) -> None:
    assert problems(event) == {"event": "not_an_object"}


def test_what_is_missing_is_named() -> None:
    assert problems({}) == dict.fromkeys(("event_id", "event_name", "public_key", "url"), "required")


@pytest.mark.parametrize("event_id", ["1", "x" * 100, "a.b:c/d_e-f{}", "ação", "é", 42, 0])
def test_an_event_id_is_visible_characters(event_id: Any) -> None:
    assert event_id_of(given(event_id=event_id)) == str(event_id)


@pytest.mark.parametrize(
    "event_id",
    ["x" * 101, "a b", " a", "a\n", "a\x00", "\u200b", "a\u2028", "\u00a0", 1.5, True, [], {}, ["x"], "\x1b[0m"],
)
def test_any_other_event_id_is_refused(event_id: Any) -> None:
    word = "not_an_event_id" if event_id else "required"

    assert problems(given(event_id=event_id)) == {"event_id": word}
    assert event_id_of(given(event_id=event_id)) == ""


def test_an_event_id_that_names_a_person_is_refused() -> None:
    assert problems(given(event_id="ana@example.com-1")) == {"event_id": "personal"}


@pytest.mark.parametrize("name", EVENT_NAMES)
def test_our_own_names_are_understood(name: str) -> None:
    assert read(event_name=name).name == name


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        *[("PageView", "pageview"), ("ViewContent", "view_content"), ("AddToCart", "add_to_cart")],
        *[("InitiateCheckout", "initiate_checkout"), ("CompleteRegistration", "complete_registration")],
        *[("AddToWishlist", "add_to_wishlist"), ("Lead", "lead"), ("page_view", "pageview"), ("CLICK", "click")],
    ],
)
def test_the_pixels_names_mean_the_same(theirs: str, ours: str) -> None:
    assert read(event_name=theirs).name == ours


@pytest.mark.parametrize(
    ("name", "word"),
    [
        *[(name, "a_sale") for name in ("Purchase", "purchase", "Subscribe", "StartTrial", "AddPaymentInfo", "Refund")],
        *[(name, "not_an_event_name") for name in NO_NAMES],
        *[(name, "required") for name in ("", None)],
    ],
)
def test_other_names_are_refused(name: Any, word: str) -> None:
    assert problems(given(event_name=name)) == {"event_name": word}


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-11-22T11:00:00Z", datetime(2026, 11, 22, 11, 0, tzinfo=UTC)),
        ("2026-11-22T11:00:00+02:00", datetime(2026, 11, 22, 9, 0, tzinfo=UTC)),
        ("2026-11-22T08:00:00.250-03:00", datetime(2026, 11, 22, 11, 0, 0, 250_000, tzinfo=UTC)),
        (int(NOW.timestamp()) - 60, NOW - timedelta(seconds=60)),
        (NOW.timestamp() - 0.5, NOW - timedelta(seconds=0.5)),
        ((NOW - timedelta(days=7)).isoformat(), NOW - timedelta(days=7)),
        ((NOW + timedelta(minutes=5)).isoformat(), NOW),
        ((NOW + timedelta(seconds=1)).isoformat(), NOW),
    ],
)
def test_a_moment_is_iso_or_unix_and_never_later_than_now(value: Any, moment: datetime) -> None:
    assert read(event_time=value).occurred_at == moment


@pytest.mark.parametrize(
    ("value", "word"),
    [
        *[(value, "not_a_moment") for value in NO_MOMENTS],
        ((NOW - timedelta(days=7, seconds=1)).isoformat(), "too_old"),
        (0, "too_old"),
        (-1, "too_old"),
        ((NOW + timedelta(minutes=5, seconds=1)).isoformat(), "too_far_ahead"),
        (int(NOW.timestamp()) + 301, "too_far_ahead"),
        (253402300799, "too_far_ahead"),
    ],
)
def test_any_other_time_is_refused(value: Any, word: str) -> None:
    assert problems(given(event_time=value)) == {"event_time": word}


def test_milliseconds_are_not_taken_for_seconds() -> None:
    assert problems(given(event_time=int(NOW.timestamp() * 1000))) == {"event_time": "not_a_moment"}


@pytest.mark.parametrize(
    ("value", "address"),
    [
        *[("200.160.2.3", "200.160.2.3"), (" 200.160.2.3 ", "200.160.2.3"), ("::ffff:200.160.2.3", "200.160.2.3")],
        *[("2804:14C::1", "2804:14c::1"), ("203.0.113.7", "203.0.113.7")],
    ],
)
def test_an_address_is_kept_in_its_plain_form(value: str, address: str) -> None:
    event = read(ip=value)

    assert (event.ip, event.warnings) == (address, {})


@pytest.mark.parametrize(
    ("value", "word"),
    [
        *[(value, "not_an_address") for value in NO_ADDRESSES],
        *[
            (value, "inside_a_network")
            for value in ("10.0.0.7", "127.0.0.1", "::1", "fe80::1", "fd00::1", "100.64.1.1")
        ],
        *[
            (value, "inside_a_network")
            for value in ("192.168.1.1", "172.31.0.1", "0.0.0.0", "::ffff:10.0.0.7", "224.0.0.1")
        ],
    ],
)
def test_an_address_that_is_not_the_visitors_costs_only_itself(value: Any, word: str) -> None:
    event = read(ip=value)

    assert (event.ip, event.warnings) == (None, {"ip": word})


def test_a_user_agent_is_kept_printable() -> None:
    assert read(user_agent="Mozilla/5.0\r\n\x00 (Android)").user_agent == "Mozilla/5.0 (Android)"
    assert problems(given(user_agent=7)) == {"user_agent": "not_text"}
    assert problems(given(user_agent="x" * 4097)) == {"user_agent": "not_text"}


def test_a_machines_user_agent_is_warned_of() -> None:
    assert read(user_agent="Googlebot/2.1").warnings == {"user_agent": "a_machine"}


def test_an_identify_needs_no_page() -> None:
    event = read_event(
        {"event_id": "i1", "event_name": "identify", "public_key": "pk_1", "user": {"em": "b" * 64}},
        may_send_clear=False,
        now=NOW,
    )

    assert (event.name, event.hit.identity) == ("identify", {"em": ["b" * 64]})


def test_fields_that_nobody_knows_are_named_and_left_out() -> None:
    event = read(fbclId="IwAR0", source="script", sent_at=1, **{"x" * 500: 1})

    assert event.warnings == dict.fromkeys(("fbclId", "source", "sent_at", "x" * 60), "unknown")
    assert event.hit.is_from_script is False
    assert event.hit.sent_at is None
    assert "fbclid" not in event.hit.texts


def test_no_more_than_five_unknown_fields_are_named() -> None:
    assert len(read(**{f"field{number}": 1 for number in range(2000)}).warnings) == 5


def test_what_is_wrong_with_the_data_is_a_warning() -> None:
    event = read(data={"value": "ten", "currency": "R$", "content_ids": ["A1"], "buyer": "Ana"})

    assert event.warnings == {"data.value": "not_a_number", "data.currency": "not_a_currency"}
    assert event.hit.data == {"content_ids": ["A1"]}


@pytest.mark.parametrize("data", [7, "x", [1], True])
def test_data_of_another_shape_is_left_out(data: Any) -> None:
    event = read(data=data)

    assert (event.hit.data, event.warnings) == ({}, {"data": "not_an_object"})


@pytest.mark.parametrize(
    ("members", "found"),
    [
        ({"fbclid": "x" * 2049}, {"fbclid": "too_long"}),
        ({"url": "javascript:alert(1)"}, {"url": "not_a_page"}),
        ({"consent_ads": "yes"}, {"consent_ads": "not_boolean"}),
        ({"utm_source": ["a"]}, {"utm_source": "not_text"}),
        ({"sck": "a\x00b"}, {"sck": "not_text"}),
        ({"session_id": "x" * 33}, {"session_id": "too_long"}),
        ({"fbp": 10**400}, {"fbp": "too_long"}),
        (
            {"event_id": "", "event_name": "Purchase", "event_time": 0, "fbc": {}, "user": {"em": "x"}},
            {
                "event_id": "required",
                "event_name": "a_sale",
                "event_time": "too_old",
                "fbc": "not_text",
                "user.em": "clear",
            },
        ),
    ],
)
def test_each_field_at_fault_is_named(members: dict[str, Any], found: dict[str, str]) -> None:
    assert problems(given(**members)) == found


def test_a_persons_data_in_addresses_and_campaigns_is_not_kept() -> None:
    event = read(url=f"{PAGE}?email=ana@example.com&utm_source=a", utm_content="ana@example.com")

    assert event.hit.texts["url"] == f"{PAGE}?utm_source=a"
    assert "utm_content" not in event.hit.texts


def test_no_repr_shows_a_person() -> None:
    event = read(user={"em": "c" * 64}, user_agent="Mozilla/5.0", url=f"{PAGE}/of-ana")

    assert not any(text in repr(event) for text in ("c" * 64, "Mozilla", "of-ana"))
