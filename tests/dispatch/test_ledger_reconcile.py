"""A gateway's books against ours: who is missing, who is extra, what differs; as CSV and as sums."""

import io
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.conversions.models import Conversion
from apps.core.wsgi import body_limit
from apps.tenants.scoping import unscoped
from tests.dispatch.ledger import sell
from tests.pipeline.database import count_everything
from tests.platforms import ScriptedPlatform
from tests.worlds import World, hotmart

HEADER = "Código da transação;Status;Moeda;Valor\n"


def post(world: World, body: str | bytes, **query: str) -> Any:
    address = "/api/v1/ledger/reconcile?" + "&".join(
        f"{name}={value}" for name, value in {"gateway": "hotmart", **query}.items() if value
    )
    raw = body if isinstance(body, bytes) else body.encode()
    headers = {**world.auth, "Accept-Language": "en"}
    return world.client.post(address.replace("+", "%2B"), raw, content_type="text/csv", headers=headers)


def reconciled(world: World, lines: str, **query: str) -> dict[str, Any]:
    answer = post(world, HEADER + lines, **query)
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body


def names(found: dict[str, Any]) -> list[str]:
    assert found["count"] == len(found["results"])
    return [row["order_id"] for row in found["results"]]


def at(hours_ago: float) -> int:
    return int((timezone.now() - timedelta(hours=hours_ago)).timestamp() * 1000)


@pytest.fixture
def sold(world: World, platform: ScriptedPlatform) -> World:
    """HP1 five hours ago, HP2 three, HP3 one; 100, 200 and 300 BRL."""
    for number in (1, 2, 3):
        sell(world, f"HP{number}", price=100 * number, at_ms=at(7 - 2 * number))
    return world


ALL = "HP1;Aprovado;BRL;100,00\nHP2;Aprovado;BRL;200,00\nHP3;Aprovado;BRL;300,00\n"


def test_books_that_agree(sold: World) -> None:
    body = reconciled(sold, ALL)

    assert body["equal"] is True
    assert body["both"] == [{"currency": "BRL", "orders": 3, "amount": "600.00"}]
    assert [names(body[what]) for what in ("missing", "extra")] == [[], []]
    assert (body["differing"]["count"], body["unreadable"]["count"]) == (0, 0)


def test_an_order_that_the_hub_never_heard_of_is_missing(sold: World) -> None:
    body = reconciled(sold, ALL + "HP9;Completo;BRL;50,00\n")

    assert body["equal"] is False
    assert body["missing"]["results"] == [
        {
            "order_id": "HP9",
            "amount": "50.00",
            "currency": "BRL",
            "reason": "unknown",
            "sentence": "The hub never heard of this order. Look whether the gateway's webhook for it was sent.",
            "status": "",
            "line": 5,
        }
    ]


def test_an_order_that_is_paid_there_and_pending_here_is_missing(sold: World) -> None:
    sold.post_webhook(hotmart("PURCHASE_BILLET_PRINTED", order_id="HP4"))

    (row,) = reconciled(sold, ALL + "HP4;Aprovado;BRL;197,90\n")["missing"]["results"]

    assert (row["order_id"], row["reason"], row["status"]) == ("HP4", "not_paid", "pending")
    assert "the webhook of the payment did not arrive" in row["sentence"]


def test_an_order_that_was_paid_back_there_and_is_unknown_here_is_missing(sold: World) -> None:
    assert names(reconciled(sold, ALL + "HP9;Reembolsado;BRL;50,00\n")["missing"]) == ["HP9"]


def test_what_was_paid_nowhere_is_no_finding(sold: World) -> None:
    sold.post_webhook(hotmart("PURCHASE_BILLET_PRINTED", order_id="HP4"))

    body = reconciled(sold, ALL + "HP4;Aguardando pagamento;BRL;197,90\nHP5;Cancelado;BRL;1,00\n")

    assert body["equal"] is True


def test_an_order_that_the_export_lacks_is_extra_within_its_days(sold: World) -> None:
    body = reconciled(sold, "HP1;Aprovado;BRL;100,00\nHP3;Aprovado;BRL;300,00\n")

    (row,) = body["extra"]["results"]
    assert (row["order_id"], row["amount"], row["status"], row["line"]) == ("HP2", "200.00", "approved", None)
    assert body["missing"]["count"] == 0


def test_what_lies_outside_the_exports_days_is_not_extra(sold: World) -> None:
    body = reconciled(sold, "HP2;Aprovado;BRL;200,00\n")

    assert (body["equal"], names(body["extra"])) == (True, [])


def test_days_that_are_named_decide_what_is_extra(sold: World) -> None:
    since = (timezone.now() - timedelta(hours=4)).isoformat()

    assert names(reconciled(sold, "HP2;Aprovado;BRL;200,00\n", since=since)["extra"]) == ["HP3"]
    assert names(reconciled(sold, "HP2;Aprovado;BRL;200,00\n", until=since)["extra"]) == ["HP1"]


def test_an_export_of_nothing_ours_makes_nothing_extra(sold: World) -> None:
    body = reconciled(sold, "")

    assert (body["equal"], body["since"], body["until"]) == (True, None, None)


def test_a_test_of_the_gateway_is_not_extra(sold: World) -> None:
    with unscoped():
        Conversion.objects.filter(order_id="HP2").update(is_test=True)

    body = reconciled(sold, "HP1;Aprovado;BRL;100,00\nHP3;Aprovado;BRL;300,00\n")

    assert body["equal"] is True


@pytest.mark.parametrize(
    ("line", "differing"),
    [
        ("HP2;Aprovado;BRL;200,01\n", [("amount", "200.010", "200.000")]),
        ("HP2;Aprovado;USD;200,00\n", [("currency", "USD", "BRL")]),
        ("HP2;Reembolsado;BRL;200,00\n", [("status", "reversed", "approved")]),
        ("HP2;Cancelado;BRL;200,00\n", [("status", "open", "approved")]),
        ("HP2;Aprovado;;200,00\n", []),
        ("HP2;Em disputa;BRL;200,00\n", []),
        (
            "HP2;Chargeback;USD;1,00\n",
            [("amount", "1.000", "200.000"), ("currency", "USD", "BRL"), ("status", "reversed", "approved")],
        ),
    ],
)
def test_what_differs_is_named_with_both_sides(sold: World, line: str, differing: list[tuple[str, ...]]) -> None:
    found = reconciled(sold, line)["differing"]

    assert [(row["what"], row["theirs"], row["ours"]) for row in found["results"]] == differing
    assert {row["order_id"] for row in found["results"]} <= {"HP2"}


def test_a_refund_that_both_know_is_in_both(sold: World) -> None:
    sold.post_webhook(hotmart("PURCHASE_REFUNDED", order_id="HP2", price=200))

    body = reconciled(sold, ALL.replace("HP2;Aprovado", "HP2;Reembolsado"))

    assert body["equal"] is True
    assert body["both"] == [{"currency": "BRL", "orders": 3, "amount": "600.00"}]


def test_a_refund_that_only_the_hub_knows_differs(sold: World) -> None:
    sold.post_webhook(hotmart("PURCHASE_REFUNDED", order_id="HP2", price=200))

    (row,) = reconciled(sold, ALL)["differing"]["results"]

    assert (row["what"], row["theirs"], row["ours"]) == ("status", "paid", "refunded")


def test_lines_that_cannot_be_read_are_named(sold: World) -> None:
    body = reconciled(sold, ALL + "HP4;Aprovado;BRL;grátis\n")

    assert body["equal"] is False
    assert body["unreadable"] == {
        "count": 1,
        "results": [{"line": 5, "why": "no_amount", "sentence": "the amount cannot be read"}],
    }


def test_a_million_findings_are_counted_and_a_thousand_named(world: World) -> None:
    body = reconciled(world, "".join(f"XX{number};Aprovado;BRL;1,00\n" for number in range(1_200)))

    assert (body["missing"]["count"], len(body["missing"]["results"])) == (1_200, 1_000)


def test_another_accounts_orders_are_neither_known_nor_extra(sold: World, other_world: World) -> None:
    body = reconciled(other_world, ALL, since="2020-01-01")

    assert (names(body["missing"]), names(body["extra"])) == (["HP1", "HP2", "HP3"], [])


def test_another_gateways_orders_are_not_these(sold: World) -> None:
    assert names(reconciled(sold, ALL, gateway="kiwify")["missing"]) == ["HP1", "HP2", "HP3"]


def test_an_order_id_that_tries_to_be_a_statement_is_an_order_id(sold: World) -> None:
    assert names(reconciled(sold, "HP1' OR '1'='1;Aprovado;BRL;1,00\n")["missing"]) == ["HP1' OR '1'='1"]


def test_nothing_is_written(sold: World) -> None:
    before = count_everything()

    reconciled(sold, ALL + "HP9;Aprovado;BRL;1,00\n")

    assert count_everything() == before


def test_the_number_of_statements_does_not_grow(sold: World) -> None:
    reconciled(sold, ALL)
    with CaptureQueriesContext(connection) as few:
        reconciled(sold, ALL)

    with CaptureQueriesContext(connection) as many:
        reconciled(sold, ALL + "".join(f"XX{number};Aprovado;BRL;1,00\n" for number in range(500)))

    assert len(many) == len(few)


@pytest.mark.parametrize("body", ["\n", "nome;e-mail\nx;y\n", "<html></html>"])
def test_what_is_no_export_is_refused(world: World, body: str) -> None:
    answer = post(world, body)

    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["body"])


def test_no_body_at_all_is_no_export(world: World) -> None:
    address = "/api/v1/ledger/reconcile?gateway=hotmart"

    answer = world.client.generic("POST", address, b"", headers=world.auth, CONTENT_TYPE="text/csv")

    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["body"])


@pytest.mark.parametrize("gateway", ["", "paypal", "%00", "HOTMART"])
def test_a_gateway_must_be_known(world: World, gateway: str) -> None:
    answer = post(world, HEADER, gateway=gateway)

    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["gateway"])


@pytest.mark.parametrize("content_type", ["text/html", "multipart/form-data; boundary=x", "application/zip"])
def test_other_types_are_refused(world: World, content_type: str) -> None:
    answer = world.client.post(
        "/api/v1/ledger/reconcile?gateway=hotmart", b"x", content_type=content_type, headers=world.auth
    )

    assert answer.status_code == 415


def test_five_mebibytes_are_taken_and_not_one_byte_more(world: World) -> None:
    text = (HEADER + "HP1;Aprovado;BRL;1,00\n").encode()
    filling = b";" * (5 * 1024 * 1024 - len(text))

    at_most, too_many = post(world, text + filling), post(world, text + filling + b"\n")

    assert (at_most.status_code, at_most.json()["missing"]["count"]) == (200, 1)
    assert (too_many.status_code, too_many.json()["code"]) == (413, "too_large")


def test_more_lines_than_can_be_read_in_time_are_refused(world: World) -> None:
    answer = post(world, HEADER + "\n" * 200_000)

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert "200000 lines" in answer.json()["detail"].replace(",", "")


def test_the_server_lets_so_much_through_here_and_nowhere_else() -> None:
    assert body_limit(reverse("reconcile")) == 5 * 1024 * 1024
    assert body_limit(reverse("ledger")) == 1024 * 1024


def test_without_a_key_nothing_is_read(world: World) -> None:
    answer = world.client.post("/api/v1/ledger/reconcile?gateway=hotmart", b"x", content_type="text/csv")

    assert answer.status_code == 401


def totals(world: World, **body: Any) -> Any:
    return world.client.post(
        "/api/v1/ledger/reconcile?gateway=hotmart", body, content_type="application/json", headers=world.auth
    )


def test_sums_that_agree(sold: World) -> None:
    body = totals(sold, totals=[{"currency": "BRL", "orders": 3, "amount": "600.00"}]).json()

    side = {"currency": "BRL", "orders": 3, "amount": "600.00"}
    assert body == {
        "gateway": "hotmart",
        "equal": True,
        "totals": [{"currency": "BRL", "theirs": side, "ours": side, "equal": True}],
    }


def test_sums_that_differ_are_shown_side_by_side(sold: World) -> None:
    given = [{"currency": "BRL", "orders": 3, "amount": "600.01"}, {"currency": "USD", "orders": 1, "amount": "5"}]

    body = totals(sold, totals=given).json()

    assert body["equal"] is False
    assert [
        (row["currency"], row["ours"]["orders"], row["ours"]["amount"], row["equal"]) for row in body["totals"]
    ] == [
        ("BRL", 3, "600.00", False),
        ("USD", 0, "0.00", False),
    ]


def test_sums_of_a_period(sold: World) -> None:
    since = (timezone.now() - timedelta(hours=4)).isoformat()

    body = totals(sold, totals=[{"currency": "BRL", "orders": 2, "amount": 500}], since=since).json()

    assert body["equal"] is True


def test_a_currency_that_the_gateway_does_not_name_differs(sold: World) -> None:
    body = totals(sold, totals=[{"currency": "USD", "orders": 0, "amount": 0}]).json()

    assert [(row["currency"], row["equal"]) for row in body["totals"]] == [("BRL", False), ("USD", True)]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"totals": []},
        {"totals": "all"},
        {"totals": [{"currency": "BRLL", "orders": 1, "amount": 1}]},
        {"totals": [{"currency": "BRL", "orders": -1, "amount": 1}]},
        {"totals": [{"currency": "BRL", "orders": 1, "amount": "1e400"}]},
        {"totals": [{"currency": "BRL", "orders": 1, "amount": "NaN"}]},
        {"totals": [{"currency": "BRL", "orders": 1, "amount": 1}], "since": "yesterday"},
        {"totals": [{"currency": "BRL", "orders": 1, "amount": 1}], "since": "2026-11-22", "until": "2026-11-01"},
    ],
)
def test_sums_that_are_none_are_refused(world: World, body: dict[str, Any]) -> None:
    answer = totals(world, **body)

    assert (answer.status_code, bool(answer.json()["errors"])) == (422, True)


def run(world: World, path: Path, *options: str) -> tuple[int, str]:
    """(exit code, what was printed)."""
    printed = io.StringIO()
    arguments = [str(path), "--tenant", str(world.tenant_id), "--gateway", "hotmart", *options]
    try:
        call_command("reconcile", *arguments, stdout=printed)
    except SystemExit as ended:
        return int(str(ended.code)), printed.getvalue()
    return 0, printed.getvalue()


def test_the_command_names_what_differs_and_fails(sold: World, tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text(HEADER + "HP1;Aprovado;BRL;100,01\nHP3;Aprovado;BRL;300,00\nHP9;Aprovado;BRL;5,00\nHP8;?;BRL;1\n")

    code, printed = run(sold, path)

    assert code == 1
    assert printed.splitlines() == [
        "in both: 2 orders, 400.000 BRL",
        "missing HP9 4 5.000 BRL The hub never heard of this order. "
        "Look whether the gateway's webhook for it was sent.",
        "extra HP2 200.000 BRL approved",
        "different HP1 2 amount 100.010 100.000",
        "unreadable 5 the hub does not know this status",
        "1 missing, 1 extra, 1 different, 1 lines unreadable.",
    ]


def test_the_command_ends_well_where_books_agree(sold: World, tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text(HEADER + ALL)

    assert run(sold, path) == (
        0,
        "in both: 3 orders, 600.000 BRL\n0 missing, 0 extra, 0 different, 0 lines unreadable.\n",
    )


def test_the_report_is_safe_to_open_and_the_terminal_too(world: World, tmp_path: Path) -> None:
    path, report = tmp_path / "export.csv", tmp_path / "report.csv"
    path.write_text(HEADER + '"=HYPERLINK(1)\x1b[2J";Aprovado;BRL;5,00\n')

    code, printed = run(world, path, "--report", str(report))

    rows = report.read_text(encoding="utf-8-sig").splitlines()
    assert code == 1
    assert "\x1b" not in printed
    assert rows[0] == "finding,order_id,line,amount,currency,what,theirs,ours,why"
    assert rows[1].startswith("missing,'=HYPERLINK(1)\x1b[2J,2,5.000,BRL,")


@pytest.mark.parametrize(
    ("text", "options", "complaint"),
    [
        (None, (), "cannot be read"),
        ("nothing", (), "no header that names an order id and an amount"),
        (HEADER, ("--since", "yesterday"), "--since:"),
        (HEADER, ("--since", "2026-11-22", "--until", "2026-11-21"), "--until:"),
    ],
)
def test_the_command_says_what_it_cannot_use(
    world: World, tmp_path: Path, text: str | None, options: tuple[str, ...], complaint: str
) -> None:
    path = tmp_path / "export.csv"
    if text is not None:
        path.write_text(text)

    with pytest.raises(CommandError, match=complaint):
        run(world, path, *options)


def test_amounts_are_exact(sold: World) -> None:
    with unscoped():
        Conversion.objects.filter(order_id="HP1").update(amount=Decimal("100.001"))

    (row,) = reconciled(sold, ALL)["differing"]["results"]

    assert (row["theirs"], row["ours"]) == ("100.000", "100.001")
