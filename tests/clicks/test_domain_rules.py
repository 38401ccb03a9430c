"""Which host may be a tracking domain, what its site is, and what proves it: no I/O."""

import pytest

from apps.clicks.domains.rules import (
    MAX_HOST,
    HostError,
    Proof,
    is_of_site,
    list_records,
    proof_name,
    read_host,
    site_of,
    weigh_proof,
)

OWN = ["hub.example.com", "console.example.com"]
LONG = ".".join(["a" * 60] * 3) + ".loja.com.br"


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("track.loja.com.br", "track.loja.com.br"),
        ("  Track.LOJA.com.br. ", "track.loja.com.br"),
        ("t.loja.com", "t.loja.com"),
        ("a.b.c.loja.com.br", "a.b.c.loja.com.br"),
        ("track.coração.com.br", "track.xn--corao-dra1a.com.br"),
        ("track.coração。com.br", "track.xn--corao-dra1a.com.br"),
        ("track.xn--corao-dra1a.com.br", "track.xn--corao-dra1a.com.br"),
        ("x1-2.loja.io", "x1-2.loja.io"),
        ("track.myhub.example.com", "track.myhub.example.com"),
    ],
)
def test_a_host_is_read_as_browsers_write_it(text: str, host: str) -> None:
    assert read_host(text, OWN) == host


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("https://track.loja.com.br", "address"),
        ("track.loja.com.br/", "address"),
        ("track.loja.com.br:443", "address"),
        ("track.loja.com.br?x", "address"),
        ("ana@loja.com.br", "address"),
        ("track.loja.com.br\\evil", "address"),
        ("track loja.com.br", "address"),
        ("200.160.2.3", "ip"),
        ("2001:db8::1", "ip"),
        ("[2001:db8::1]", "ip"),
        ("1.2.3.0x7f.1", "ip"),
        ("track.loja.1", "ip"),
        ("", "name"),
        (".", "name"),
        ("track..loja.com.br", "name"),
        ("-track.loja.com.br", "name"),
        ("track-.loja.com.br", "name"),
        ("_track.loja.com.br", "name"),
        ("*.loja.com.br", "name"),
        ("track.lo\x00ja.com.br", "name"),
        ("a" * 64 + ".loja.com.br", "name"),
        ("é" * 64 + ".loja.com.br", "name"),
        ("track.<script>.com.br", "name"),
        (f"{LONG}.{LONG}", "long"),
        ("localhost", "site"),
        ("loja", "site"),
        ("loja.com", "site"),
        ("loja.com.br", "site"),
        ("loja.co.uk", "site"),
        ("hub.example.com", "own"),
        ("HUB.example.com", "own"),
        ("track.hub.example.com", "own"),
        ("console.example.com", "own"),
    ],
)
def test_what_is_no_host_is_refused_with_its_reason(text: str, word: str) -> None:
    with pytest.raises(HostError) as refused:
        read_host(text, OWN)

    assert str(refused.value) == word


def test_the_longest_host_leaves_room_for_its_proof() -> None:
    longest = ("a" * 50 + ".") * 4 + "b" * (MAX_HOST - 204 - len(".com.br")) + ".com.br"

    assert len(proof_name(read_host(longest, OWN))) == 253
    with pytest.raises(HostError):
        read_host(f"b{longest}"[:50] + f"x{longest[50:]}", OWN)


@pytest.mark.parametrize(
    ("origin", "is_of"),
    [
        ("https://www.loja.com.br", True),
        ("https://loja.com.br", True),
        ("http://loja.com.br:8080", True),
        ("https://a.b.loja.com.br", True),
        ("https://track.loja.com.br", True),
        ("https://LOJA.com.br", True),
        ("https://outraloja.com.br", False),
        ("https://loja.com.br.evil.com", False),
        ("https://evil.com/loja.com.br", False),
        ("https://evil.com?.loja.com.br", False),
        ("https://com.br", False),
        ("https://[::1", False),
        ("file://loja.com.br", False),
        ("null", False),
        ("*", False),
        ("", False),
    ],
)
def test_only_the_same_site_is_the_same_site(origin: str, is_of: bool) -> None:
    assert is_of_site(origin, "track.loja.com.br") is is_of


def test_the_site_is_all_but_the_first_label() -> None:
    assert [site_of("track.loja.com.br"), site_of("a.b.loja.com")] == ["loja.com.br", "b.loja.com"]


@pytest.mark.parametrize(
    ("texts", "proof"),
    [
        ([], Proof.ABSENT),
        (["hubtrack-proof=abc"], Proof.RIGHT),
        (["v=spf1 -all", "hubtrack-proof=abc"], Proof.RIGHT),
        (['"hubtrack-proof=abc"'], Proof.RIGHT),
        ([" hubtrack-proof=abc "], Proof.RIGHT),
        (["hubtrack-proof=abd"], Proof.OTHER),
        (["hubtrack-proof=abcd"], Proof.OTHER),
        (["HUBTRACK-PROOF=ABC"], Proof.OTHER),
        (["abc"], Proof.OTHER),
        ([""], Proof.OTHER),
    ],
)
def test_only_the_exact_value_is_the_proof(texts: list[str], proof: Proof) -> None:
    assert weigh_proof(texts, "abc") is proof


def test_the_records_name_what_to_put_where() -> None:
    assert list_records("track.loja.com.br", "abc", "hub.example.com") == [
        {"type": "CNAME", "name": "track.loja.com.br", "value": "hub.example.com"},
        {"type": "TXT", "name": "_hubtrack.track.loja.com.br", "value": "hubtrack-proof=abc"},
    ]
