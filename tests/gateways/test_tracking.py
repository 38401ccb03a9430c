"""What is kept in clear, and what is not because it names a person."""

import pytest

from apps.gateways.tracking import MAX_ENTRIES, PERSONAL_KEYS, keep_tracking


def test_tracking_is_kept_whole_and_unchanged() -> None:
    found = {
        "sck": " c1AbC ",
        "utm_campaign": "abril|conv @ 10%",
        "fbclid": "IwAR_" + "Ab" * 500,
        "campaign_name": "x",
    }

    assert keep_tracking(found) == found


@pytest.mark.parametrize("name", sorted(PERSONAL_KEYS))
def test_an_entry_with_a_personal_name_is_left_out(name: str) -> None:
    assert keep_tracking({name: "value", name.upper(): "value", "src": "fb"}) == {"src": "fb"}


@pytest.mark.parametrize(
    "value", ["ana@example.com", "buyer: ana@example.com!", "a@b@c.d", "mailto:Ana+x@sub.example.com"]
)
def test_an_entry_that_holds_an_address_is_left_out(value: str) -> None:
    assert keep_tracking({"src": value, "sck": "kept"}) == {"sck": "kept"}


@pytest.mark.parametrize("value", ["@handle", "10@5", "a @ b.c", "@@@@", "x@", "@" * 2_000, "a@" * 1_000])
def test_an_at_sign_alone_is_no_address(value: str) -> None:
    assert keep_tracking({"src": value}) == {"src": value}


def test_there_is_a_limit_of_entries() -> None:
    found = {f"key{number}": "x" for number in range(MAX_ENTRIES + 50)}

    assert list(keep_tracking(found)) == list(found)[:MAX_ENTRIES]
