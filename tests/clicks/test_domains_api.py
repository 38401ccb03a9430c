"""The REST API of tracking domains, and their proof over time, against a real name server."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from apps.clicks import middleware
from apps.clicks.domains.services import check_proven
from apps.clicks.models import TrackingDomain
from apps.core.db import release_connection
from apps.tenants.scoping import unscoped
from tests.clicks.nameserver import Nameserver, running_nameserver
from tests.clicks.proven import HOST, add_proven
from tests.worlds import World

PROOF = f"_hubtrack.{HOST}"
ENGLISH = {"Accept-Language": "en"}


@pytest.fixture(autouse=True)
def _forget_domains() -> Iterator[None]:
    middleware.forget_domains()
    yield
    middleware.forget_domains()


@pytest.fixture(autouse=True)
def nameserver(settings: Any) -> Iterator[Nameserver]:
    settings.PUBLIC_URL = "https://hub.example.com"
    with running_nameserver() as running:
        settings.DNS_SERVERS = [running.address]
        yield running


def add(world: World, host: str = HOST) -> Any:
    return world.client.post(
        "/api/v1/domains", {"host": host}, content_type="application/json", headers=world.auth | ENGLISH
    )


def verify(world: World, pk: int) -> Any:
    return world.client.post(f"/api/v1/domains/{pk}/verify", headers=world.auth | ENGLISH)


def the_domain(**where: Any) -> TrackingDomain:
    with unscoped():
        found: TrackingDomain = TrackingDomain.objects.get(**where)
    return found


def let_pass(**ago: Any) -> None:
    """As if the domain had last been asked about so long ago, and missing as much longer."""
    row = the_domain()
    moved = {"checked_at": timezone.now() - timedelta(**ago)}
    if row.missing_since:
        moved["missing_since"] = row.missing_since - timedelta(**ago)
    with unscoped():
        TrackingDomain.objects.update(**moved)


def check() -> int:
    with unscoped():
        return check_proven()


def test_a_domain_is_added_with_what_to_put_into_the_dns(world: World) -> None:
    answer = add(world, " Track.Loja.com.br ")

    made = answer.json()
    token = the_domain().token
    assert answer.status_code == 201
    assert made == {
        "id": the_domain().pk,
        "host": HOST,
        "status": "waiting",
        "records": [
            {"type": "CNAME", "name": HOST, "value": "hub.example.com"},
            {"type": "TXT", "name": PROOF, "value": f"hubtrack-proof={token}"},
        ],
        "script_url": f"https://{HOST}/t/PUBLIC_KEY.js",
        "problem": "",
        "created_at": made["created_at"],
        "checked_at": None,
        "proven_at": None,
    }
    assert len(token) == 32
    assert world.get(f"domains/{made['id']}").json() == made
    assert world.get("domains").json()["results"] == [made]


def test_the_proof_proves_it(world: World, nameserver: Nameserver) -> None:
    made = add(world).json()
    nameserver.put(PROOF, "TXT", f'"{made["records"][1]["value"]}"')
    nameserver.put(HOST, "A", "192.0.2.7")

    answer = verify(world, made["id"])

    assert (answer.status_code, answer.json()["status"], answer.json()["problem"]) == (200, "proven", "")
    assert answer.json()["proven_at"] == answer.json()["checked_at"] != ""
    assert world.get(f"domains/{made['id']}").json() == answer.json()


def test_a_host_that_leads_nowhere_is_proven_and_told_of(world: World, nameserver: Nameserver) -> None:
    made = add(world).json()
    nameserver.put(PROOF, "TXT", f'"{made["records"][1]["value"]}"')

    answer = verify(world, made["id"]).json()

    assert answer["status"] == "proven"
    assert answer["problem"] == (
        f"The domain is proven, but {HOST} leads nowhere yet. Add the CNAME record in `records`."
    )


@pytest.mark.parametrize(
    ("texts", "trouble", "says"),
    [
        ([], "", f"There is no TXT record {PROOF}."),
        (['"hubtrack-proof=other"'], "", f"The TXT record {PROOF} holds another value."),
        ([], "SERVFAIL", "The DNS could not be asked. Nothing was changed;"),
    ],
)
def test_what_is_no_proof_is_explained(
    world: World, nameserver: Nameserver, texts: list[str], trouble: str, says: str
) -> None:
    made = add(world).json()
    nameserver.records = {(PROOF, "TXT"): texts} if texts else {}
    nameserver.trouble = trouble

    answer = verify(world, made["id"])

    assert (answer.status_code, answer.json()["status"], answer.json()["proven_at"]) == (200, "waiting", None)
    assert answer.json()["problem"].startswith(says)
    assert (answer.json()["checked_at"] is None) is bool(trouble)


@pytest.mark.parametrize(
    ("host", "says"),
    [
        ("https://track.loja.com.br", "Enter the host alone"),
        ("200.160.2.3", "This is an IP address."),
        ("track..loja.com.br", "This is no host name."),
        ("a." * 200 + "loja.com.br", "The host is too long."),
        ("loja.com.br", "Enter a host below your site's domain"),
        ("hub.example.com", "This host is the hub's own."),
        ("x.hub.example.com", "This host is the hub's own."),
        ("", "This field may not be blank."),
    ],
)
def test_a_host_that_cannot_be_used_is_refused_with_what_to_enter(world: World, host: str, says: str) -> None:
    answer = add(world, host)

    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["host"])
    assert answer.json()["errors"]["host"].startswith(says)
    with unscoped():
        assert not TrackingDomain.objects.exists()


@pytest.mark.parametrize("allowed", ["console.example.org", ".example.org"])
def test_what_the_hub_answers_to_is_its_own(world: World, settings: Any, allowed: str) -> None:
    settings.ALLOWED_HOSTS = ["testserver", allowed, "*"]

    assert add(world, "track.console.example.org").status_code == 422


def test_a_domain_is_added_once(world: World) -> None:
    add(world)

    answer = add(world, f"{HOST.upper()}.")

    assert (answer.status_code, answer.json()["detail"]) == (409, "This account has this domain already.")
    assert the_domain().host == HOST


def test_an_account_may_have_twenty(world: World, other_world: World) -> None:
    statuses = [add(world, f"t{number}.loja.com.br").status_code for number in range(21)]

    assert statuses == [201] * 20 + [409]
    assert add(other_world, "t20.loja.com.br").status_code == 201


@pytest.mark.django_db(transaction=True)
def test_two_at_once_are_not_both_the_twentieth(world: World) -> None:
    for number in range(19):
        add(world, f"t{number}.loja.com.br")
    statuses: list[int] = []

    def add_more(name: str) -> None:
        statuses.append(
            Client()
            .post("/api/v1/domains", {"host": name}, content_type="application/json", headers=world.auth)
            .status_code
        )
        release_connection()

    threads = [threading.Thread(target=add_more, args=(f"{name}.loja.com.br",)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [201, 409, 409, 409]


def test_an_unproven_claim_of_another_is_no_obstacle(world: World, other_world: World, nameserver: Nameserver) -> None:
    add(other_world)
    made = add(world).json()
    nameserver.put(PROOF, "TXT", f'"{made["records"][1]["value"]}"')

    assert verify(world, made["id"]).json()["status"] == "proven"
    assert verify(other_world, the_domain(tenant_id=other_world.tenant_id).pk).json()["status"] == "waiting"


def test_a_host_is_proven_by_one_account_alone(world: World, other_world: World, nameserver: Nameserver) -> None:
    mine = add_proven(world)
    theirs = add(other_world).json()
    nameserver.put(PROOF, "TXT", f'"{theirs["records"][1]["value"]}"', f'"hubtrack-proof={mine.token}"')

    answer = verify(other_world, theirs["id"])

    assert (answer.status_code, answer.json()["code"]) == (409, "not_possible")
    assert answer.json()["detail"].startswith("Another account uses this domain.")
    assert the_domain(pk=theirs["id"]).proven_at is None
    assert the_domain(pk=mine.pk).proven_at == mine.proven_at


def test_what_is_removed_is_free_for_another(world: World, other_world: World, nameserver: Nameserver) -> None:
    mine = add_proven(world)
    theirs = add(other_world).json()
    nameserver.put(PROOF, "TXT", f'"{theirs["records"][1]["value"]}"')

    answer = world.client.delete(f"/api/v1/domains/{mine.pk}", headers=world.auth)

    assert (answer.status_code, answer.content) == (204, b"")
    assert world.get(f"domains/{mine.pk}").status_code == 404
    assert verify(other_world, theirs["id"]).json()["status"] == "proven"


def test_another_accounts_domain_is_none(world: World, other_world: World) -> None:
    theirs = add_proven(other_world)

    answers = [
        world.get(f"domains/{theirs.pk}"),
        verify(world, theirs.pk),
        world.client.delete(f"/api/v1/domains/{theirs.pk}", headers=world.auth),
    ]

    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert world.get("domains").json()["results"] == []
    assert the_domain().proven_at == theirs.proven_at


def test_a_key_is_needed(world: World) -> None:
    domain = add_proven(world)

    answers = [
        world.client.get("/api/v1/domains"),
        world.client.post("/api/v1/domains", {"host": HOST}, content_type="application/json"),
        world.client.post(f"/api/v1/domains/{domain.pk}/verify"),
        world.client.delete(f"/api/v1/domains/{domain.pk}"),
    ]

    assert [answer.status_code for answer in answers] == [401] * 4
    assert the_domain().pk == domain.pk


def test_the_daily_look_finds_the_proof_still_there(world: World, nameserver: Nameserver) -> None:
    domain = add_proven(world)
    nameserver.put(PROOF, "TXT", f'"hubtrack-proof={domain.token}"')
    let_pass(days=1)

    assert (check(), check()) == (1, 0), "twice on one day asks once"

    checked_at = the_domain().checked_at
    assert checked_at
    assert checked_at > timezone.now() - timedelta(minutes=1)
    assert (the_domain().proven_at, the_domain().missing_since) == (domain.proven_at, None)


@pytest.mark.parametrize("text", [None, "hubtrack-proof=other"])
def test_a_proof_that_is_gone_for_three_days_no_longer_counts(
    world: World, nameserver: Nameserver, text: str | None
) -> None:
    domain = add_proven(world)
    if text:
        nameserver.put(PROOF, "TXT", f'"{text}"')
    seen = []
    for _ in range(4):
        let_pass(days=1)
        check()
        answer = world.client.get(f"/api/v1/domains/{domain.pk}", headers=world.auth | ENGLISH).json()
        seen.append((answer["status"], answer["proven_at"] is not None, answer["problem"].partition(".")[0]))

    missing = ("missing", True, "The proof is missing")
    lost = ("missing", False, "The proof was missing for three days: the domain is not used")
    assert seen == [missing, missing, missing, lost]
    let_pass(days=1)
    assert check() == 0, "what no longer counts is not asked for"


def test_a_proof_that_comes_back_starts_the_days_anew(world: World, nameserver: Nameserver) -> None:
    domain = add_proven(world)
    for day in range(6):
        nameserver.records = {(PROOF, "TXT"): [f'"hubtrack-proof={domain.token}"']} if day == 2 else {}
        let_pass(days=1)
        check()

    assert the_domain().proven_at == domain.proven_at


@pytest.mark.parametrize("trouble", ["SERVFAIL", "silence"])
def test_trouble_on_the_way_never_takes_a_domain_away(world: World, nameserver: Nameserver, trouble: str) -> None:
    domain = add_proven(world)
    nameserver.trouble = trouble
    for _ in range(2):
        let_pass(days=5)
        before = the_domain()
        assert check() == 1

    assert (the_domain().proven_at, the_domain().missing_since) == (domain.proven_at, None)
    assert the_domain().checked_at == before.checked_at


def test_a_lost_domain_is_proven_again(world: World, nameserver: Nameserver) -> None:
    domain = add_proven(world, proven_at=None, missing_since=timezone.now() - timedelta(days=9))
    nameserver.put(PROOF, "TXT", f'"hubtrack-proof={domain.token}"')

    assert verify(world, domain.pk).json()["status"] == "proven"
    assert the_domain().missing_since is None


@pytest.mark.django_db(transaction=True)
def test_only_one_looks_at_a_time(world: World) -> None:
    add_proven(world)
    let_pass(days=1)
    is_held, may_go = threading.Event(), threading.Event()

    def hold() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(hashtext('tracking domains'))")
            is_held.set()
            may_go.wait(20)
            cursor.execute("SELECT pg_advisory_unlock(hashtext('tracking domains'))")
        release_connection()

    thread = threading.Thread(target=hold)
    thread.start()
    assert is_held.wait(20)
    while_held = check()
    may_go.set()
    thread.join()

    assert (while_held, check(), check()) == (0, 1, 0)


@pytest.mark.django_db(transaction=True)
def test_one_that_is_removed_meanwhile_does_not_stop_the_others(
    world: World, nameserver: Nameserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, stays = add_proven(world), add_proven(world, "t.loja.com.br")
    answer = nameserver.answer

    def remove_and_answer(wire: bytes) -> bytes | None:
        with unscoped():
            TrackingDomain.objects.filter(pk=gone.pk).delete()
        release_connection()
        return answer(wire)

    monkeypatch.setattr(nameserver, "answer", remove_and_answer)
    with unscoped():
        TrackingDomain.objects.update(checked_at=timezone.now() - timedelta(days=1))
    assert check() == 2

    assert the_domain().pk == stays.pk
    assert the_domain().missing_since is not None
