"""The developer's commands: what they print, what they send, and what they refuse."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.management import CommandError, call_command

from apps.funnels.models import Endpoint, Rollout
from apps.funnels.services import create_funnel
from apps.gateways.registry import ADAPTERS
from apps.tenants.scoping import tenant_scope, unscoped
from tests.gateways.api_stand_in import Asked, StandIn, gateway_api
from tests.gateways.samples import FOLDER, samples_of
from tests.pipeline.database import conversions, deliveries
from tests.worlds import SECRETS, World, post_raw

HOTMART = FOLDER / "hotmart" / "fixtures"
CARD = HOTMART / "purchase_approved_card.json"
Run = Callable[..., list[str]]
Save = Callable[[bytes], str]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command and gives the lines it prints."""

    def call(*arguments: str) -> list[str]:
        call_command(*arguments)
        return capsys.readouterr().out.splitlines()

    return call


@pytest.fixture
def fail(capsys: pytest.CaptureFixture[str]) -> Run:
    """The same for a command that must end with exit code 1."""

    def call(*arguments: str) -> list[str]:
        with pytest.raises(SystemExit) as end:
            call_command(*arguments)
        assert end.value.code == 1
        return capsys.readouterr().out.splitlines()

    return call


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def write(body: bytes) -> str:
        file = tmp_path / "body.txt"
        file.write_bytes(body)
        return str(file)

    return write


def changed_card(**changes: Any) -> bytes:
    return json.dumps(json.loads(CARD.read_bytes()) | changes).encode()


# --- read_payload ---


def test_a_readable_file_is_shown_field_by_field(run: Run) -> None:
    lines = run("read_payload", "hotmart", str(CARD))

    rows = [re.split(r" {2,}", line) for line in lines]
    assert rows[0] == ["field", "value", "comes from"]
    assert ["kind", "purchase_approved", "event"] in rows
    assert ["amount", "496.9", "data.purchase.price.value"] in rows
    assert ["occurred_at", "2026-03-02T14:12:03+00:00", "data.purchase.approved_date"] in rows
    assert ["buyer.phone", "55996123344", "data.buyer.checkout_phone_code, data.buyer.checkout_phone"] in rows
    assert ["tracking.src", "ig_stories", "data.purchase.origin.src"] in rows
    text = " ".join(line.strip() for line in lines)
    assert "Not used: creation_date, version, data.product.ucode," in text
    assert "Empty: data.affiliates.0.affiliate_code, data.affiliates.0.name, data.buyer.address.complement" in text
    assert "New:" not in text
    assert max(len(line) for line in lines if line.startswith(("Not used", "  "))) <= 100


def test_a_constant_is_called_the_adapters_own(run: Run) -> None:
    lines = run("read_payload", "hotmart", str(HOTMART / "subscription_cancellation.json"))

    assert [line.split("  ")[-1].strip() for line in lines if line.startswith("buyer.phone_country")] == [
        "(the adapter's own)"
    ]


def test_the_senders_token_is_named_and_not_shown(run: Run) -> None:
    lines = run("read_payload", "hotmart", str(HOTMART / "version_1_approved.form"))

    assert "Proves the sender: hottok" in lines
    assert "hottok-of-the-fixture" not in "\n".join(lines)


def test_several_events_are_counted(run: Run, save: Save) -> None:
    body = json.dumps([json.loads(CARD.read_bytes())] * 2).encode()

    lines = run("read_payload", "hotmart", save(body))

    assert [line for line in lines if line.startswith("Event")] == ["Event 1 of 2", "Event 2 of 2"]
    assert [re.split(r" {2,}", line)[2] for line in lines if line.startswith("kind ")] == ["0.event", "1.event"]


def test_new_fields_are_a_notice(run: Run, save: Save) -> None:
    lines = run("read_payload", "hotmart", save(changed_card(a_new_field=1, another={"x": 1})))

    assert lines[-1] == "New: in no fixture of this gateway and not in its fields.txt: a_new_field, another"


def test_a_long_value_is_cut_and_a_control_code_is_not_obeyed(run: Run, save: Save) -> None:
    card = json.loads(CARD.read_bytes())
    card["data"]["product"]["name"] = "V" * 200
    card["data"]["buyer"]["name"] = "Ana\x1b[31m\nBraga"
    card["evil\x1b[2J"] = "x"

    lines = run("read_payload", "hotmart", save(json.dumps(card).encode()))

    rows = {row[0]: row[1] for line in lines if len(row := re.split(r" {2,}", line)) == 3}
    assert rows["product_name"] == "V" * 59 + "…"
    assert rows["buyer.full_name"] == r"Ana\x1b[31m\nBraga"
    assert r"evil\x1b[2J" in "".join(lines)
    assert "\x1b" not in "".join(lines)


def test_a_form_is_read_as_one_by_its_name_by_its_look_or_on_demand(run: Run, fail: Run, save: Save) -> None:
    form = (HOTMART / "version_1_approved.form").read_bytes()
    odd = b"1=x&" + form

    by_name = run("read_payload", "hotmart", str(HOTMART / "version_1_approved.form"))
    by_look = run("read_payload", "hotmart", save(form))
    unlike = fail("read_payload", "hotmart", save(odd))
    demanded = run("read_payload", "hotmart", save(odd), "--form")

    assert by_look == by_name
    assert unlike == ["Not read: body: expected a JSON object, found unreadable bytes."]
    assert demanded[1] == by_name[1]


def test_the_same_as_json(run: Run) -> None:
    report = json.loads("\n".join(run("read_payload", "hotmart", str(CARD), "--json")))

    fields = {field["name"]: field for field in report["explanation"]["events"][0]}
    assert (report["gateway"], report["is_read"], report["stopped"]) == ("hotmart", True, None)
    assert fields["amount"] == {"name": "amount", "value": "496.9", "paths": ["data.purchase.price.value"]}
    assert fields["installments"]["value"] == 12
    assert fields["occurred_at"]["value"] == "2026-03-02T14:12:03+00:00"
    assert "data.product.ucode" in report["explanation"]["unused"]
    assert (report["new_fields"], report["differences"], report["likely_gateway"]) == ([], [], None)


def test_an_unreadable_file_says_where_and_what_differs(fail: Run, save: Save) -> None:
    card = json.loads(CARD.read_bytes())
    card["data"]["purchase"]["price"] = {"amount": 496.9, "currency_value": "BRL"}

    lines = fail("read_payload", "hotmart", save(json.dumps(card).encode()))

    rows = [re.split(r" {2,}", line) for line in lines]
    assert lines[0].startswith("Not read: data.purchase.price.value")
    assert lines[0].endswith("found nothing.")
    assert "Differences from the bodies that Hotmart is known to send:" in lines
    assert ["data.purchase.price.value", "number or string", "nothing"] in rows
    assert ["data.purchase.price.amount", "nothing", "number"] in rows
    assert not [line for line in lines if line.startswith("field ")]


def test_one_unreadable_message_of_several_is_named(fail: Run, save: Save) -> None:
    card = json.loads(CARD.read_bytes())
    broken = {**card, "data": {**card["data"], "purchase": None}}

    lines = fail("read_payload", "hotmart", save(json.dumps([card, broken]).encode()))

    assert lines[0].startswith("Not read: 1.data.purchase.")
    assert [line for line in lines if line.startswith("1.data.purchase ")]
    assert not [line for line in lines if line.startswith("0.")]


def test_an_unreadable_file_as_json(fail: Run, save: Save) -> None:
    report = json.loads("\n".join(fail("read_payload", "hotmart", save(b"{}"), "--json")))

    assert (report["is_read"], report["explanation"]) == (False, None)
    assert report["stopped"] == {
        "path": "event or status",
        "expected": "an identifier of at most 200 characters",
        "found": "nothing",
    }


def test_another_gateways_body_is_recognised(fail: Run) -> None:
    lines = fail("read_payload", "hotmart", str(FOLDER / "stripe" / "fixtures" / "charge_refunded_full.json"))

    assert lines[-1] == "This looks like a body of Stripe: try `read_payload stripe`."
    assert not [line for line in lines if line.startswith("Differences")]


def test_an_unknown_word_is_said_to_be_one(fail: Run, save: Save) -> None:
    renamed = fail("read_payload", "hotmart", save(changed_card(event="PURCHASE_APPROVED_V3")))
    strange = fail("read_payload", "hotmart", save(changed_card(event="SOMETHING_ELSE")))

    assert renamed[0].startswith("Unknown word: Hotmart's table has no 'PURCHASE_APPROVED_V3', so the hub keeps")
    assert "Known and similar: PURCHASE_APPROVED" in renamed[0]
    assert "similar" not in strange[0]
    assert ["kind", "unknown", "event"] in [re.split(r" {2,}", line) for line in renamed]


def test_a_file_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"nowhere\.json cannot be opened: No such file or directory\."):
        call_command("read_payload", "hotmart", str(tmp_path / "nowhere.json"))


@pytest.mark.parametrize("command", ["read_payload", "send_fixture"])
def test_a_gateway_that_does_not_exist_is_refused(command: str) -> None:
    with pytest.raises(CommandError, match="invalid choice: 'nobody'"):
        call_command(command, "nobody", str(CARD))


@pytest.mark.parametrize("gateway", sorted(ADAPTERS))
def test_every_gateways_fixtures_can_be_shown(gateway: str, run: Run) -> None:
    sample = samples_of(ADAPTERS[gateway])[0]

    lines = run("read_payload", gateway, str(sample.path))

    assert [line.split()[0] for line in lines[:3]] == ["field", "kind", "vendor_event"]


# --- gateways ---


def test_every_gateway_has_a_row(run: Run) -> None:
    lines = run("gateways")

    rows = {line.split()[0]: re.split(r" {2,}", line) for line in lines[1:]}
    assert rows.keys() == ADAPTERS.keys()
    assert rows["stripe"][:4] == ["stripe", "Stripe", "hmac", "client_reference_id"]
    assert rows["hotmart"][4] == str(len(ADAPTERS["hotmart"].event_types))
    assert rows["hotmart"][5] == str(len(samples_of(ADAPTERS["hotmart"])))
    assert {row[6] for row in rows.values()} <= {"can be checked", "-"}
    assert all(
        ("can be checked" in line) == bool(ADAPTERS[slug].api) for slug, line in zip(rows, lines[1:], strict=True)
    )


def test_the_lines_of_every_gateway_are_counted(run: Run) -> None:
    lines = run("gateways", "--lines")

    rows = {line.split()[0]: line.split()[1:] for line in lines[1:]}
    folder = FOLDER / "stripe"
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    counts = {path: len(path.read_text().splitlines()) for path in files}
    adapter, doc = counts[folder / "adapter.py"], counts[folder / "doc.md"]
    code = sum(count for path, count in counts.items() if path.suffix == ".py")
    assert rows.keys() == ADAPTERS.keys()
    assert rows["stripe"] == [
        *(str(count) for count in (adapter, code - adapter, doc, sum(counts.values()) - code - doc)),
        str(len(files)),
    ]


# --- send_fixture ---


def to_wsgi(asked: Asked) -> tuple[int, str]:
    """The hub itself behind a real socket."""
    path = f"{asked.path}?{urlencode(asked.query)}" if asked.query else asked.path
    answer = post_raw(path, asked.body, asked.headers, asked.method)
    return answer.status_code, answer.content.decode()


@pytest.fixture
def hub(settings: Any) -> Iterator[StandIn]:
    settings.OUTBOUND_ALLOW_LOOPBACK = True
    with gateway_api(to_wsgi) as running:
        settings.PUBLIC_URL = running.url
        yield running


@pytest.fixture
def silent_hub(settings: Any) -> Iterator[StandIn]:
    """Only counts what reaches it."""
    settings.OUTBOUND_ALLOW_LOOPBACK = True
    with gateway_api(lambda _asked: (202, "{}")) as running:
        settings.PUBLIC_URL = running.url
        yield running


def newest_endpoint(gateway: str) -> Endpoint:
    with unscoped():
        found: Endpoint = Endpoint.objects.filter(gateway=gateway).latest("created_at")
    return found


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("fixture", "amount"),
    [
        (("hotmart", "purchase_approved_card"), "496.9 BRL"),
        (("hotmart", "version_1_approved.form"), "496.90 BRL"),
        (("stripe", "checkout_session_completed_paid.json"), "197.60 BRL"),
    ],
)
def test_a_fixture_becomes_a_new_order(
    world: World, hub: StandIn, run: Run, fixture: tuple[str, str], amount: str
) -> None:
    lines = run("send_fixture", *fixture, "--url", hub.url)

    [order] = conversions()
    [delivery] = deliveries()
    rows = {row[0]: row[1] for line in lines if len(row := re.split(r" {2,}", line)) == 2 and row[0]}
    assert (delivery.outcome, delivery.kind, delivery.order_id) == ("recorded", "purchase_approved", order.order_id)
    assert order.order_id.startswith("try-")
    assert abs((delivery.received_at - order.occurred_at).total_seconds()) < 60
    assert rows["order"] == order.order_id
    assert rows["sent"].endswith(": purchase_approved")
    assert rows["amount"] == amount
    assert str(newest_endpoint(fixture[0]).pk) in rows["to"]
    assert (
        f"  {hub.url}/api/v1/conversions?order_id={order.order_id}   (Authorization: Bearer <the tenant's API key>)"
        in lines
    )
    assert f"  {hub.url}/admin/conversions/conversion/?q={order.order_id}" in lines
    assert lines[-1].startswith(f"  python manage.py read_payload {fixture[0]} /")


@pytest.mark.django_db(transaction=True)
def test_two_experiments_are_two_orders_and_a_named_one_is_one(world: World, hub: StandIn, run: Run) -> None:
    for _ in range(2):
        run("send_fixture", "hotmart", "purchase_approved_card", "--url", hub.url)
    for fixture in ("purchase_approved_pix", "purchase_refunded"):
        run("send_fixture", "hotmart", fixture, "--url", hub.url, "--order", "MINE-1")

    statuses = {order.order_id: order.status for order in conversions()}
    assert len(statuses) == 3
    assert statuses["MINE-1"] == "refunded"


@pytest.mark.django_db(transaction=True)
def test_a_signature_in_the_query_travels_along(world: World, hub: StandIn, run: Run) -> None:
    with tenant_scope(world.tenant_id):
        create_funnel({"name": "K", "endpoints": [{"gateway": "kiwify", "secret": "token-of-ana"}]})
    fixture = next(
        sample for sample in samples_of(ADAPTERS["kiwify"]) if sample.expected[0]["kind"] == "purchase_approved"
    )

    lines = run("send_fixture", "kiwify", fixture.path.name, "--url", hub.url)

    [order] = conversions()
    assert order.gateway == "kiwify"
    assert len(hub.asked[0].query["signature"]) == 40
    assert "signature" not in "\n".join(lines)


@pytest.mark.django_db
def test_neither_the_secret_nor_the_key_is_printed(world: World, silent_hub: StandIn, run: Run) -> None:
    lines = "\n".join(run("send_fixture", "hotmart", "purchase_approved_card", "--url", silent_hub.url))

    assert silent_hub.asked[0].headers["x-hotmart-hottok"] == SECRETS["hotmart"]
    assert SECRETS["hotmart"] not in lines
    assert world.endpoint_key() not in lines


@pytest.mark.django_db
@pytest.mark.parametrize(("secret", "query"), [("", {}), ("of-ana", {"token": "of-ana"})])
def test_where_nothing_is_signed_a_secret_is_optional(
    world: World, silent_hub: StandIn, run: Run, secret: str, query: dict[str, str]
) -> None:
    with tenant_scope(world.tenant_id):
        create_funnel({"name": "A", "endpoints": [{"gateway": "appmax", "secret": secret}]})

    run("send_fixture", "appmax", samples_of(ADAPTERS["appmax"])[0].path.name, "--url", silent_hub.url)

    assert [asked.query for asked in silent_hub.asked] == [query]


@pytest.mark.django_db
def test_what_touches_no_order_is_sent_as_well(world: World, silent_hub: StandIn, run: Run) -> None:
    lines = run("send_fixture", "hotmart", "subscription_cancellation", "--url", silent_hub.url)

    assert len(silent_hub.asked) == 1
    assert [line.split()[0] for line in lines if line] == [
        "sent",
        "to",
        "answer",
        "Look",
        *[lines[-2].strip()],
        "python",
    ]
    assert lines[-2] == f"  {silent_hub.url}/admin/conversions/delivery/"


@pytest.mark.django_db
def test_as_it_is_means_the_bytes_of_the_file(world: World, silent_hub: StandIn, run: Run) -> None:
    lines = run("send_fixture", "hotmart", "purchase_approved_card", "--url", silent_hub.url, "--as-is")

    assert silent_hub.asked[0].body == CARD.read_bytes().strip()
    assert silent_hub.asked[0].headers["content-type"] == "application/json"
    assert "order   HP3120450001" in lines


@pytest.mark.django_db
def test_an_endpoint_is_named_by_its_id_or_its_key(
    world: World, other_world: World, silent_hub: StandIn, run: Run
) -> None:
    with unscoped():
        older = Endpoint.objects.filter(gateway="hotmart").earliest("created_at")
    newest = newest_endpoint("hotmart")

    for wanted in ([], ["--endpoint", str(older.pk)], ["--endpoint", older.key]):
        run("send_fixture", "hotmart", "purchase_approved_card", "--url", silent_hub.url + "/", *wanted)

    keys = [asked.path for asked in silent_hub.asked]
    assert keys == [f"/api/v1/webhooks/hotmart/{endpoint.key}" for endpoint in (newest, older, older)]
    assert older.tenant_id != newest.tenant_id


@pytest.mark.django_db
def test_an_endpoint_that_is_off_is_no_default(world: World, other_world: World, silent_hub: StandIn, run: Run) -> None:
    newest = newest_endpoint("hotmart")
    with unscoped():
        Endpoint.objects.filter(pk=newest.pk).update(rollout=Rollout.OFF)
    live = world.endpoint_key()

    run("send_fixture", "hotmart", "purchase_approved_card", "--url", silent_hub.url)

    assert [asked.path for asked in silent_hub.asked] == [f"/api/v1/webhooks/hotmart/{live}"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ([], "There is no Hotmart endpoint yet. `make demo` makes one"),
        (["--endpoint", "abc"], "There is no Hotmart endpoint with the id or key 'abc'."),
        (["--endpoint", "00000000-0000-4000-8000-000000000000"], "There is no Hotmart endpoint with the id"),
    ],
)
def test_without_an_endpoint_it_says_what_to_do(silent_hub: StandIn, wanted: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=re.escape(message)):
        call_command("send_fixture", "hotmart", "purchase_approved_card", "--url", silent_hub.url, *wanted)

    assert silent_hub.asked == []


@pytest.mark.django_db
def test_another_gateways_endpoint_is_not_taken(world: World, silent_hub: StandIn) -> None:
    with pytest.raises(CommandError, match="There is no Hotmart endpoint with the id or key"):
        call_command(
            *("send_fixture", "hotmart", "purchase_approved_card", "--url", silent_hub.url),
            *("--endpoint", world.endpoint_key("stripe")),
        )

    assert silent_hub.asked == []


@pytest.mark.django_db
def test_only_an_embedded_hub_has_a_default_endpoint(world: World, silent_hub: StandIn, settings: Any) -> None:
    settings.OUTBOUND_ALLOW_LOOPBACK = False

    with pytest.raises(CommandError, match="Name the endpoint with --endpoint"):
        call_command("send_fixture", "hotmart", "purchase_approved_card", "--url", silent_hub.url)

    assert silent_hub.asked == []


@pytest.mark.django_db
def test_a_hub_that_refuses_is_an_error(world: World, settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    settings.OUTBOUND_ALLOW_LOOPBACK = True
    refusal = '{"code": "not_authentic"}'
    with gateway_api(lambda _asked: (401, refusal)) as hub, pytest.raises(CommandError, match="did not take it"):
        call_command("send_fixture", "hotmart", "purchase_approved_card", "--url", hub.url)

    printed = capsys.readouterr().out
    assert re.search(r'answer  401 in \d+ ms: {"code": "not_authentic"}', printed)
    assert "Look next at" not in printed


@pytest.mark.django_db
def test_a_hub_that_is_not_there_is_a_clear_error(world: World, settings: Any) -> None:
    settings.OUTBOUND_ALLOW_LOOPBACK = True
    with gateway_api(lambda _asked: (202, "{}")) as gone:
        url = gone.url

    with pytest.raises(CommandError, match=re.escape(f"No answer from {url} (connect). Start the hub with `make up`")):
        call_command("send_fixture", "hotmart", "purchase_approved_card", "--url", url)


@pytest.mark.django_db
@pytest.mark.parametrize("arguments", [["nothing"], []])
def test_a_wrong_name_lists_the_names(world: World, silent_hub: StandIn, arguments: list[str]) -> None:
    with pytest.raises(CommandError) as error:
        call_command("send_fixture", "hotmart", *arguments, "--url", silent_hub.url)

    names = [line.strip() for line in str(error.value).splitlines()[1:]]
    assert names == [sample.path.name for sample in samples_of(ADAPTERS["hotmart"])]
    assert silent_hub.asked == []


@pytest.mark.django_db
def test_a_wanted_order_and_the_bytes_as_they_are_exclude_each_other(world: World, silent_hub: StandIn) -> None:
    with pytest.raises(CommandError, match="--as-is keeps the fixture's order id"):
        call_command(
            *("send_fixture", "hotmart", "purchase_approved_card", "--url", silent_hub.url),
            *("--as-is", "--order", "X"),
        )

    assert silent_hub.asked == []


@pytest.mark.parametrize("gateway", sorted(ADAPTERS))
def test_fixtures_are_listed_with_what_they_tell(gateway: str, run: Run) -> None:
    lines = run("send_fixture", gateway, "--list")

    rows = {line.split()[0]: re.split(r" {2,}", line)[1] for line in lines[1:]}
    assert rows == {
        sample.path.stem: ", ".join(event["kind"] for event in sample.expected)
        for sample in samples_of(ADAPTERS[gateway])
    }
