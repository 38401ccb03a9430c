"""Support asks the DNS for a customer's proof, from the console."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry

from apps.clicks import middleware
from apps.clicks.models import TrackingDomain
from apps.tenants.models import User
from tests.admin.console import Console, address, fresh, messages_of, new_staff, sign_in, text_of
from tests.clicks.nameserver import Nameserver, running_nameserver
from tests.clicks.proven import HOST, add_proven
from tests.worlds import World

PROOF = f"_hubtrack.{HOST}"


@pytest.fixture(autouse=True)
def nameserver(settings: Any) -> Iterator[Nameserver]:
    middleware.forget_domains()
    with running_nameserver() as running:
        settings.DNS_SERVERS = [running.address]
        yield running


@pytest.fixture
def console(db: None) -> Console:
    return sign_in(User.objects.create_superuser("root@example.com", "a-long-password"))


@pytest.fixture
def domain(world: World) -> TrackingDomain:
    return add_proven(world, proven_at=None, checked_at=None)


def test_support_verifies_a_domain(console: Console, domain: TrackingDomain, nameserver: Nameserver) -> None:
    nameserver.put(PROOF, "TXT", f'"hubtrack-proof={domain.token}"')
    nameserver.put(HOST, "A", "192.0.2.7")

    answer = console.act("verify", domain)

    assert messages_of(answer) == ["Asked for the proof: 1"]
    assert fresh(domain).proven_at is not None
    assert LogEntry.objects.get().object_repr == HOST


def test_what_is_missing_is_said_and_nothing_is_noted(console: Console, domain: TrackingDomain) -> None:
    answer = console.act("verify", domain)

    assert messages_of(answer) == [
        f"{HOST}: There is no TXT record {PROOF}. Add the one in `records`; a new one may take an hour to be seen."
    ]
    assert (fresh(domain).proven_at, fresh(domain).checked_at) == (None, None)
    assert not LogEntry.objects.exists()


def test_a_host_of_two_accounts_is_the_firsts(
    console: Console, domain: TrackingDomain, other_world: World, nameserver: Nameserver
) -> None:
    add_proven(other_world)
    nameserver.put(PROOF, "TXT", f'"hubtrack-proof={domain.token}"')

    answer = console.act("verify", domain)

    assert [message.partition(".com.br: ")[2][:36] for message in messages_of(answer)] == [
        "Another account uses this domain. It"
    ]
    assert fresh(domain).proven_at is None


def test_who_may_only_look_cannot_ask(domain: TrackingDomain, nameserver: Nameserver) -> None:
    viewer = new_staff("clicks.view_trackingdomain")

    page = viewer.list(TrackingDomain)
    viewer.act("verify", domain)

    assert HOST in text_of(page)
    assert "Ask the DNS" not in text_of(page)
    assert nameserver.asked == []


def test_nobody_removes_a_domain_here_or_sees_its_proof(console: Console, domain: TrackingDomain) -> None:
    answer = console.client.post(address(domain, "delete"), {"post": "yes"})

    assert answer.status_code == 403
    assert fresh(domain).host == HOST
    assert domain.token not in text_of(console.page(domain))


@pytest.mark.parametrize(("chosen", "count"), [("1", 1), ("0", 1), ("", 2)])
def test_domains_are_told_apart_by_their_proof(
    console: Console, domain: TrackingDomain, other_world: World, chosen: str, count: int
) -> None:
    proven = add_proven(other_world, "t.outra.com.br")

    page = text_of(console.list(TrackingDomain, **({"proven_at__isempty": chosen} if chosen else {})))

    shown = [host for host in (HOST, proven.host) if f">{host}<" in page]
    assert len(shown) == count
