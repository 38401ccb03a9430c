"""Who may enter: staff, each as far as their permissions go, and never outside the scope that serves all tenants."""

from typing import Any

import pytest
from django.test import Client

from apps.conversions.models import Conversion, Delivery, Quarantine
from apps.dispatch.models import CapiEvent
from apps.funnels.models import Funnel
from apps.matching.models import Match
from apps.tenants.models import Tenant, User
from apps.tenants.scoping import unscoped
from tests.admin.console import REGISTERED, Console, address, new_staff, sign_in
from tests.worlds import World

DOORS = (
    *("/admin/", "/admin/search/?s=a", "/admin/conversions/conversion/", "/admin/tenants/user/add/"),
    *("/admin/autocomplete/?term=a&app_label=conversions&model_name=conversion&field_name=tenant",),
    *("/admin/password_change/", "/admin/dispatch/capievent/1/change/", "/admin/dispatch/capievent/1/history/"),
)


def _is_sent_to_log_in(answer: Any) -> bool:
    return bool(answer.status_code == 302 and answer.headers["Location"].startswith("/admin/login/"))


@pytest.mark.parametrize("door", DOORS)
def test_nobody_enters_without_logging_in(door: str, db: None) -> None:
    assert _is_sent_to_log_in(Client().get(door))
    assert _is_sent_to_log_in(Client().post(door, {"action": "replay"}))


@pytest.mark.parametrize("door", DOORS)
def test_a_customer_does_not_enter(door: str, world: World) -> None:
    owner = sign_in(User.objects.get(email="ana@example.com"))

    assert _is_sent_to_log_in(owner.client.get(door))
    assert _is_sent_to_log_in(owner.client.post(door, {"action": "replay"}))


def test_staff_who_were_deactivated_do_not_enter(console: Console) -> None:
    User.objects.update(is_active=False)

    assert _is_sent_to_log_in(console.client.get("/admin/"))


def test_staff_log_in_by_e_mail(db: None) -> None:
    User.objects.create_superuser("root@example.com", "a-long-password")
    client = Client(headers={"accept-language": "en"})

    page = client.get("/admin/login/").content.decode()
    wrong = client.post("/admin/login/", {"username": "root@example.com", "password": "wrong"})
    right = client.post("/admin/login/?next=/admin/", {"username": "root@example.com", "password": "a-long-password"})

    assert "E-mail" in page
    assert "Username" not in page
    assert wrong.status_code == 200
    assert (right.status_code, right.headers["Location"]) == (302, "/admin/")


def test_a_customer_s_right_password_does_not_open_the_console(world: World) -> None:
    User.objects.create_user("bruno@example.com", "a-long-password")

    answer = Client().post("/admin/login/", {"username": "bruno@example.com", "password": "a-long-password"})

    assert answer.status_code == 200
    assert "sessionid" not in answer.cookies


def test_staff_see_only_what_they_may(story: dict[str, str]) -> None:
    clerk = new_staff("conversions.view_conversion")
    with unscoped():
        match = Match.objects.get()

    assert clerk.list(Conversion).status_code == 200
    assert clerk.page(match).status_code == 403
    assert [clerk.list(model).status_code for model in (Delivery, Quarantine, CapiEvent, Tenant)] == [403] * 4


def test_a_page_shows_of_other_tables_only_what_its_reader_may_see(story: dict[str, str]) -> None:
    with unscoped():
        order = Conversion.objects.get()

    clerk = new_staff("conversions.view_conversion", email="clerk@example.com")
    expert = new_staff("conversions.view_conversion", "matching.view_match", "dispatch.view_capievent")

    narrow, wide = clerk.page(order).content.decode(), expert.page(order).content.decode()

    assert "Deliveries of this order" not in narrow
    assert "Events and where they went" not in narrow
    assert "Events and where they went" in wide
    assert "Confidence" in wide
    assert "Confidence" not in narrow


def test_the_menu_shows_only_what_its_reader_may_see(db: None) -> None:
    html = new_staff("conversions.view_delivery").read("/admin/")

    assert 'href="/admin/conversions/delivery/"' in html
    assert 'href="/admin/conversions/conversion/"' not in html
    assert 'href="/admin/tenants/user/"' not in html


def test_staff_serve_all_tenants(console: Console, world: World, other_world: World) -> None:
    rows = console.list(Funnel).context["cl"].result_list

    assert {row.tenant_id for row in rows} == {world.tenant_id, other_world.tenant_id}


def test_typing_in_a_filter_finds_rows_of_all_tenants(console: Console, world: World, other_world: World) -> None:
    asked = {"app_label": "dispatch", "model_name": "send", "field_name": "destination", "term": ""}

    answer = console.client.get("/admin/autocomplete/", asked)

    assert len(answer.json()["results"]) == 2


@pytest.mark.parametrize(("term", "found"), [("curs", ["Cursos da Ana"]), ("do b", ["Loja do Bruno"]), ("xyz", [])])
def test_typing_in_a_filter_finds_tenants(
    term: str, found: list[str], console: Console, world: World, other_world: World
) -> None:
    asked = {"app_label": "conversions", "model_name": "conversion", "field_name": "tenant", "term": term}

    answer = console.client.get("/admin/autocomplete/", asked)

    assert [item["text"] for item in answer.json()["results"]] == found


def test_typing_in_a_filter_needs_the_permission_to_see_what_is_found(world: World) -> None:
    asked = {"app_label": "conversions", "model_name": "conversion", "field_name": "tenant", "term": "c"}

    answer = new_staff("conversions.view_conversion").client.get("/admin/autocomplete/", asked)

    assert answer.status_code == 403


def test_the_history_of_a_row_tells_who_did_what(console: Console, world: World) -> None:
    console.act("publish", world.funnel)

    html = console.read(address(world.funnel, "history"))

    assert "root@example.com" in html
    assert "Draft published" in html


def test_the_menu_leads_to_every_list(console: Console) -> None:
    html = console.read("/admin/")

    assert [model for model in REGISTERED if f'href="{address(model, "changelist")}"' not in html] == []
