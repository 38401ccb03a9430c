"""Asking a real name server over loopback: answers, their absence, and trouble that is no answer."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from apps.core.dns import Unasked, has_address, read_texts
from tests.clicks.nameserver import Nameserver, running_nameserver

NAME = "_hubtrack.track.loja.com.br"


@pytest.fixture
def nameserver(settings: Any) -> Iterator[Nameserver]:
    with running_nameserver() as running:
        settings.DNS_SERVERS = [running.address]
        yield running


@pytest.fixture
def closed_port() -> str:
    """Where nobody listens."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return f"127.0.0.1:{port}"


def test_texts_come_whole_and_all(nameserver: Nameserver) -> None:
    nameserver.put(NAME, "TXT", '"hubtrack-proof=abc"', '"v=spf1 " "include:example.com -all"')

    assert sorted(read_texts(NAME)) == ["hubtrack-proof=abc", "v=spf1 include:example.com -all"]
    assert nameserver.asked == [(NAME, "TXT")]


def test_bytes_that_are_no_text_are_no_trouble(nameserver: Nameserver) -> None:
    nameserver.put(NAME, "TXT", r'"\255\254"')

    assert read_texts(NAME) == ("\ufffd\ufffd",)


def test_no_such_name_is_no_text(nameserver: Nameserver) -> None:
    assert read_texts(NAME) == ()


def test_a_name_without_texts_is_no_text(nameserver: Nameserver) -> None:
    nameserver.put(NAME, "A", "192.0.2.7")

    assert read_texts(NAME) == ()


@pytest.mark.parametrize("trouble", ["SERVFAIL", "REFUSED", "NOTIMP", "silence"])
def test_trouble_is_no_answer(nameserver: Nameserver, trouble: str) -> None:
    nameserver.put(NAME, "TXT", '"hubtrack-proof=abc"')
    nameserver.trouble = trouble

    with pytest.raises(Unasked):
        read_texts(NAME)
    assert nameserver.asked


@pytest.mark.parametrize("servers", [[], ["not an address"], ["example.com"]])
def test_nobody_to_ask_is_no_answer(settings: Any, servers: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """With an empty list the system's are asked, which this machine is made not to have."""
    monkeypatch.setattr("dns.resolver.Resolver.read_resolv_conf", lambda *_: None)
    settings.DNS_SERVERS = servers

    with pytest.raises(Unasked):
        read_texts(NAME)


def test_a_server_that_is_gone_is_no_answer(settings: Any, closed_port: str) -> None:
    settings.DNS_SERVERS = [closed_port]

    with pytest.raises(Unasked):
        has_address(NAME)


def test_the_next_server_answers_for_one_that_is_gone(settings: Any, closed_port: str, nameserver: Nameserver) -> None:
    nameserver.put(NAME, "TXT", '"hubtrack-proof=abc"')
    settings.DNS_SERVERS = [closed_port, nameserver.address]

    assert read_texts(NAME) == ("hubtrack-proof=abc",)


@pytest.mark.parametrize(("kind", "value"), [("A", "192.0.2.7"), ("AAAA", "2001:db8::7")])
def test_a_host_leads_somewhere_by_either_kind_of_address(nameserver: Nameserver, kind: str, value: str) -> None:
    nameserver.put("track.loja.com.br", kind, value)

    assert has_address("track.loja.com.br") is True


def test_a_host_without_address_leads_nowhere(nameserver: Nameserver) -> None:
    assert has_address("track.loja.com.br") is False
    assert nameserver.asked == [("track.loja.com.br", "A"), ("track.loja.com.br", "AAAA")]


@pytest.mark.parametrize("name", ["a" * 64 + ".com", ".".join(["a" * 60] * 5), "a..b"])
def test_what_is_no_name_cannot_be_asked(nameserver: Nameserver, name: str) -> None:
    with pytest.raises(Unasked):
        read_texts(name)
    assert nameserver.asked == []
