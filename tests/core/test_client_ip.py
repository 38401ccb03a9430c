"""Whose address it is: a chain of proxies, of which only the last few are ours."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.core.client_ip import client_ip

steady = settings(deadline=None, derandomize=True)
PROXY = "10.0.0.7"
VISITOR = "203.0.113.9"


@pytest.mark.parametrize(
    ("chain", "trusted", "expected"),
    [
        ("", 0, PROXY),
        (VISITOR, 0, PROXY),
        ("1.1.1.1, 2.2.2.2", 0, PROXY),
        (VISITOR, 1, VISITOR),
        (f"6.6.6.6, {VISITOR}", 1, VISITOR),
        (f"6.6.6.6,7.7.7.7 ,{VISITOR}", 1, VISITOR),
        ("", 1, PROXY),
        (f"{VISITOR}, 172.16.0.1", 2, VISITOR),
        (f"6.6.6.6, {VISITOR}, 172.16.0.1", 2, VISITOR),
        ("172.16.0.1", 2, PROXY),
        (f" , ,{VISITOR}, ,", 1, VISITOR),
        (", ".join([*["6.6.6.6"] * 100, VISITOR]), 1, VISITOR),
    ],
)
def test_only_what_our_proxies_wrote_is_believed(chain: str, trusted: int, expected: str) -> None:
    assert client_ip(PROXY, chain, trusted) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2001:DB8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("::ffff:203.0.113.9", VISITOR),
        ("::1", "::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("fe80::1%'; drop table", "fe80::1"),
    ],
)
def test_an_address_is_written_in_one_way(written: str, expected: str) -> None:
    assert client_ip(PROXY, written, 1) == expected


@pytest.mark.parametrize(
    "written", ["evil", "unknown", "1.2.3", "1.2.3.4.5", "999.1.1.1", "<script>", "١.٢.٣.٤", "0x7f.1"]
)
def test_what_is_no_address_is_none(written: str) -> None:
    assert client_ip(PROXY, written, 1) is None


def test_a_socket_without_an_address_is_none() -> None:
    assert client_ip("", "", 0) is None


@steady
@given(st.text(max_size=80), st.text(max_size=80), st.integers(-1, 5))
def test_no_header_makes_it_raise(remote: str, chain: str, trusted: int) -> None:
    found = client_ip(remote, chain, trusted)

    assert found is None or "%" not in found
