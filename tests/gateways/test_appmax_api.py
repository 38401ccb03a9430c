"""Appmax's own API over real HTTP against a stand-in: the check of a token, and what Appmax says of an order."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from apps.funnels.credentials import check_credentials, converse
from apps.gateways.api import Finding
from apps.gateways.appmax.api import AppmaxApi
from apps.gateways.appmax.tables import EVENT_TYPES
from apps.gateways.errors import PayloadError
from apps.gateways.events import Kind
from apps.gateways.payload import Payload
from apps.gateways.registry import ADAPTERS
from tests.gateways.api_stand_in import Asked, StandIn, gateway_api
from tests.gateways.samples import request_of, sample_named

API = AppmaxApi()

APPMAX = ADAPTERS["appmax"]
API = AppmaxApi()
TOKEN = "API-TOKEN/of the+tests&more"
CREDENTIALS = {"access_token": TOKEN}
ORDER = sample_named("appmax", "order_approved_card.json").document["data"]
STATUSES = (
    *("pendente", "autorizado", "aprovado", "integrado", "pendente_integracao", "estornado", "cancelado"),
    *("chargeback_em_tratativa", "chargeback_em_disputa", "chargeback_perdido", "chargeback_vencido"),
)


def reply(status: int, contents: Any, *, success: bool = True) -> tuple[int, str]:
    return status, json.dumps({"success": success, "text": "OK", "data": contents, "status": status})


def answer(asked: Asked) -> tuple[int, str]:
    """As Appmax does: the token decides, from the body or from the query, then the address."""
    token = asked.query.get("access-token") or json.loads(asked.body or b"{}").get("access-token")
    if token == "a-token-without-that-right":
        return reply(403, None, success=False)
    if token != TOKEN:
        return reply(401, None, success=False)
    if (asked.method, asked.path) == ("POST", "/api/v3/payment/installments"):
        return reply(200, {"1": "1 x R$ 1,00"})
    if (asked.method, asked.path) == ("GET", "/api/v3/order/48120077"):
        return reply(200, ORDER)
    return reply(404, None, success=False)


@pytest.fixture
def stand_in(settings: Any) -> Iterator[StandIn]:
    with gateway_api(answer) as standing:
        settings.GATEWAY_API_URLS = {"appmax": standing.url}
        settings.OUTBOUND_ALLOW_LOOPBACK = True
        yield standing


def fetch(order_id: str, credentials: dict[str, str] = CREDENTIALS) -> Any:
    return converse("appmax", API, API.fetch_order(credentials, order_id))


def message(event: str = "OrderApproved", data: Any = None, **envelope: Any) -> Payload:
    return Payload({"event": event, "data": {"id": 48_120_077} if data is None else data, **envelope})


# --- The check of a token ---


def test_the_right_token_is_valid(stand_in: StandIn) -> None:
    check = check_credentials("appmax", CREDENTIALS)

    assert (check.finding, check.is_valid) == (Finding.VALID, True)
    assert "Appmax" in check.sentence


def test_one_request_is_made_and_it_changes_nothing(stand_in: StandIn) -> None:
    check_credentials("appmax", CREDENTIALS)

    (asked,) = stand_in.asked
    assert json.loads(asked.body) == {"access-token": TOKEN, "installments": 1, "total": 1, "format": 2}
    assert asked.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("token", "finding"),
    [
        ("another-token", Finding.WRONG),
        (TOKEN.lower(), Finding.WRONG),
        ("a-token-without-that-right", Finding.FORBIDDEN),
    ],
)
def test_a_token_that_may_not_ask_is_told_apart_from_a_wrong_one(
    stand_in: StandIn, token: str, finding: Finding
) -> None:
    check = check_credentials("appmax", {"access_token": token})

    assert (check.finding, check.is_valid, len(stand_in.asked)) == (finding, False, 1)


@pytest.mark.parametrize("token", [TOKEN, "another-token"])
def test_the_check_keeps_the_token_out_of_the_address_and_of_the_sentence(stand_in: StandIn, token: str) -> None:
    check = check_credentials("appmax", {"access_token": token})
    request = next(API.check({"access_token": token}))

    (asked,) = stand_in.asked
    assert (asked.path, asked.query) == ("/api/v3/payment/installments", {})
    assert token not in check.sentence + repr(check) + repr(request)


@pytest.mark.parametrize("credentials", [{}, {"access_token": ""}, {"access_token": "  "}, {"token": TOKEN}])
def test_without_a_token_nothing_is_asked(stand_in: StandIn, credentials: dict[str, str]) -> None:
    check = check_credentials("appmax", credentials)

    assert (check.finding, check.is_valid) == (Finding.WRONG, False)
    assert "API token" in check.sentence
    assert stand_in.asked == []


@pytest.mark.parametrize(
    ("status", "text", "finding"),
    [
        (200, "<html>Entrar</html>", Finding.UNEXPECTED),
        (200, "", Finding.UNEXPECTED),
        (200, "[]", Finding.UNEXPECTED),
        (200, '{"success": false, "data": {"1": "1 x R$ 1,00"}}', Finding.UNEXPECTED),
        (200, '{"success": "true"}', Finding.UNEXPECTED),
        (302, "", Finding.UNEXPECTED),
        (404, '{"success": false, "text": "Nenhuma configuração de pagamento para este site"}', Finding.UNEXPECTED),
        (429, "{}", Finding.LIMITED),
        (500, "oops", Finding.UNEXPECTED),
    ],
)
def test_an_answer_that_does_not_report_success_proves_nothing(
    settings: Any, status: int, text: str, finding: Finding
) -> None:
    with gateway_api(lambda asked: (status, text)) as standing:
        settings.GATEWAY_API_URLS = {"appmax": standing.url}
        settings.OUTBOUND_ALLOW_LOOPBACK = True
        check = check_credentials("appmax", CREDENTIALS)

    assert (check.finding, check.is_valid) == (finding, False)


def test_a_gateway_that_does_not_answer_is_unreachable(settings: Any) -> None:
    with gateway_api(answer) as standing:
        settings.GATEWAY_API_URLS = {"appmax": standing.url}
    settings.OUTBOUND_ALLOW_LOOPBACK = True

    assert check_credentials("appmax", CREDENTIALS).finding is Finding.UNREACHABLE
    assert fetch("48120077") is None


def test_both_requests_go_to_appmax() -> None:
    check, read = next(API.check(CREDENTIALS)), next(API.fetch_order(CREDENTIALS, "48120077"))

    assert (check.method, check.url) == ("POST", "https://admin.appmax.com.br/api/v3/payment/installments")
    assert read.method == "GET"
    assert read.url.startswith("https://admin.appmax.com.br/api/v3/order/48120077?access-token=API-TOKEN%2Fof+the")


# --- An order ---


def test_an_order_comes_with_its_sums_exact_and_fit_for_json(stand_in: StandIn) -> None:
    order = fetch("48120077")

    (asked,) = stand_in.asked
    assert asked.query == {"access-token": TOKEN}
    assert (order["id"], order["total"], order["discount"]) == (48_120_077, "188.53", 10)
    assert order["customer"] == ORDER["customer"]
    assert json.loads(json.dumps(order)) == order


@pytest.mark.parametrize("order_id", ["48120078", "1"])
def test_an_order_that_appmax_does_not_know_is_none(stand_in: StandIn, order_id: str) -> None:
    assert fetch(order_id) is None
    assert len(stand_in.asked) == 1


@pytest.mark.parametrize("order_id", ["", "../customer/5", "5?x=1", "customer-5", "٣", "5 ", "-5", "5#"])
def test_what_cannot_be_an_order_is_not_asked_for(stand_in: StandIn, order_id: str) -> None:
    assert fetch(order_id) is None
    assert stand_in.asked == []


def test_with_a_wrong_token_nothing_is_known(stand_in: StandIn) -> None:
    assert fetch("48120077", {"access_token": "another-token"}) is None


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (200, ""),
        (200, "null"),
        (200, '{"success": true}'),
        (200, '{"success": true, "data": []}'),
        (200, '{"success": true, "data": "48120077"}'),
        (200, '{"success": false, "data": {"id": 48120077}}'),
        (200, '{"data": {"id": 48120077}}'),
        (200, '{"success": true, "data": {"id": NaN}}'),
        (200, '{"success": true, "data": ' + "[" * 100_000),
        (500, '{"success": true, "data": {"id": 48120077}}'),
        (302, '{"success": true, "data": {"id": 48120077}}'),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_answer_of_no_use_is_none(settings: Any, status: int, text: str) -> None:
    with gateway_api(lambda asked: (status, text)) as standing:
        settings.GATEWAY_API_URLS = {"appmax": standing.url}
        settings.OUTBOUND_ALLOW_LOOPBACK = True

        assert fetch("48120077") is None


# --- Whether an order bears a message out ---


def test_the_message_keeps_its_envelope_and_takes_appmaxs_own_record(stand_in: StandIn) -> None:
    forged = message(data={"id": 48_120_077, "total": "1.00"}, environment="production", event_type="")

    told = API.confirmed(forged, fetch("48120077"))
    (event,) = APPMAX.parse(request_of(json.dumps(told).encode()))

    assert {**told, "data": {}} == {"event": "OrderApproved", "event_type": "", "environment": "production", "data": {}}
    assert event == APPMAX.parse(sample_named("appmax", "order_approved_card.json").request)[0]


@pytest.mark.parametrize("word", ["order_paid", "order_approved", "OrderApproved"])
def test_a_message_that_names_only_its_order_becomes_a_sale(word: str) -> None:
    told = API.confirmed(message(word, {"order_id": "48120077"}, event_type="order"), ORDER)
    (event,) = APPMAX.parse(request_of(json.dumps(told).encode()))

    assert (event.kind, event.vendor_event, event.order_id) == (Kind.APPROVED, word, "48120077")
    assert (str(event.amount), event.buyer.email) == ("188.53", "clarice.noronha@example.com")


@pytest.mark.parametrize("order", [{}, {"id": 48_120_078}, {"id": None}, {"id": []}, {"order_id": 48_120_077}])
def test_another_order_bears_nothing_out(order: dict[str, Any]) -> None:
    with pytest.raises(PayloadError) as error:
        API.confirmed(message(), {"status": "aprovado", **order})

    assert error.value.path == "data.id"


@pytest.mark.parametrize(
    ("word", "believed"),
    [
        ("OrderApproved", set(STATUSES) - {"pendente", "cancelado"}),
        ("OrderPaid", set(STATUSES) - {"pendente", "cancelado"}),
        ("order_paid_by_pix", set(STATUSES) - {"pendente", "cancelado"}),
        ("OrderUpSold", set(STATUSES) - {"pendente", "cancelado"}),
        ("ChargeSuccess", set(STATUSES) - {"pendente", "cancelado"}),
        ("OrderPartialRefund", set(STATUSES) - {"pendente", "cancelado", "autorizado"}),
        ("OrderRefund", {"estornado"}),
        ("OrderChargeBackInTreatment", set(STATUSES[7:10])),
        ("OrderChargeBackGain", {"chargeback_vencido", "aprovado", "integrado", "pendente_integracao"}),
        ("OrderPixCreated", set(STATUSES)),
        ("OrderPixExpired", set(STATUSES)),
        ("PaymentNotAuthorized | Reason: x", set(STATUSES)),
    ],
)
def test_a_status_that_contradicts_the_message_is_not_believed(word: str, believed: set[str]) -> None:
    for status in STATUSES:
        order = {**ORDER, "status": status}
        if status in believed:
            assert API.confirmed(message(word), order)["data"] == order
            continue
        with pytest.raises(PayloadError) as error:
            API.confirmed(message(word), order)
        assert error.value.path == "data.status"
        assert status not in str(error.value)


@pytest.mark.parametrize("status", ["recusado_por_risco", "Aprovado", "approved", "", None, 1, True, []])
def test_a_status_that_nobody_knows_bears_no_sale_out(status: Any) -> None:
    with pytest.raises(PayloadError) as error:
        API.confirmed(message(), {**ORDER, "status": status})

    assert error.value.path == "data.status"


@pytest.mark.parametrize(("data", "order_id"), [({"id": 7}, "7"), ({"order_id": "7", "id": 8}, "7")])
@pytest.mark.parametrize("word", ["OrderApproved", "order_refund", "PaymentNotAuthorized | Reason: x"])
def test_a_message_names_the_order_to_ask_for(word: str, data: dict[str, Any], order_id: str) -> None:
    assert API.order_to_confirm(message(word, data)) == order_id


@pytest.mark.parametrize(
    "word",
    [
        *("CustomerInterested", "CanceledSubscription", "subscription_delayed", "A_NEW_WORD"),
        *(word for word, kind in EVENT_TYPES.items() if kind is Kind.IGNORED),
    ],
)
def test_news_of_no_order_is_neither_asked_for_nor_borne_out(word: str) -> None:
    assert API.order_to_confirm(message(word)) is None
    with pytest.raises(PayloadError):
        API.confirmed(message(word), ORDER)
