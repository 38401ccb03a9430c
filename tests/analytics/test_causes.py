"""Why signals are lost: each cause from real clicks and webhooks, and what looks like it and is not."""

import hashlib
import string
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.analytics.explanations import SIGNAL_NAMES, STAGE_NAMES, advise, explain_cause
from apps.analytics.quality import Cause, CauseFound, Signal, Stage
from apps.analytics.selectors import _BROWSER_ID, _CLICK_ID
from apps.clicks.models import Source
from apps.core.identity import hash_phone
from apps.dispatch.meta.payload import is_browser_id
from tests.analytics.views import (
    FBC,
    FBCLID,
    FBP,
    PERSON,
    causes_of,
    change_click,
    move_click,
    read_signals,
    sell,
    stage_of,
    visit,
)
from tests.worlds import World

WWW = "https://www.cursosdaana.example.com/oferta"


@pytest.mark.parametrize("source", ["facebook", "FB", " ig ", "Instagram", "meta", "fb|120210|feed", "an"])
def test_a_redirect_that_strips_fbclid_is_found(world: World, source: str) -> None:
    ids = visit(world, utm_source=source)
    visit(world)

    assert causes_of(read_signals(world)) == {"redirect_strips_fbclid": (1, 2, ids["click_id"])}


@pytest.mark.parametrize(
    "values",
    [
        {"utm_source": "facebook", "fbclid": FBCLID},
        {"utm_source": "facebook", "fbc": FBC, "fbp": FBP},
        {"utm_source": "google"},
        {"utm_source": "newsletter-facebook"},
        {"utm_medium": "facebook"},
    ],
)
def test_what_came_whole_or_from_elsewhere_was_not_stripped(world: World, values: dict[str, str]) -> None:
    visit(world, **values)

    assert causes_of(read_signals(world)) == {}


@pytest.mark.parametrize("mangle", [str.lower, str.upper])
def test_a_long_click_id_of_one_case_is_mangled(world: World, mangle: Any) -> None:
    ids = visit(world, fbclid=mangle(FBCLID))

    assert causes_of(read_signals(world)) == {"case_mangled_fbclid": (1, 1, ids["click_id"])}


@pytest.mark.parametrize(("letters", "found"), [(32, False), (33, True)], ids=["could be chance", "cannot be chance"])
def test_a_short_click_id_may_have_one_case_by_chance(world: World, letters: int, found: bool) -> None:
    visit(world, fbclid="abcdefgh" * 4 + "-0_9" * 9 + "a" * (letters - 32))

    assert ("case_mangled_fbclid" in causes_of(read_signals(world))) is found


def test_a_click_id_that_differs_from_another_only_by_case_is_mangled(world: World) -> None:
    visit(world, fbclid="IwAR-Short")
    visit(world, fbclid="IwAR-Short")
    mangled = visit(world, fbclid="iwar-short")
    visit(world, fbclid="IwAR-Other")

    assert causes_of(read_signals(world)) == {"case_mangled_fbclid": (1, 4, mangled["click_id"])}


@pytest.mark.parametrize("values", [{"fbc": "fb.1.123.short"}, {"fbp": "1098765432"}, {"fbc": "fb.1.1763640000000."}])
def test_a_cookie_that_is_not_of_metas_form_is_found(world: World, values: dict[str, str]) -> None:
    ids = visit(world, **values)

    assert causes_of(read_signals(world)) == {"malformed_cookie": (1, 1, ids["click_id"])}


@pytest.mark.parametrize(
    ("page", "dots", "wrong"),
    [
        ("https://loja.com.br/oferta", 0, True),
        ("https://loja.com.br/oferta", 1, False),
        ("https://loja.com.br/oferta", 2, False),
        ("https://loja.com.br/oferta", 3, True),
        ("https://www.loja.com.br/oferta", 2, False),
        ("HTTPS://WWW.loja.com.br:8443/oferta", 3, True),
        ("https://pay.loja.com.br?next=a.b.c/d.e.f", 3, False),
        ("https://pay.loja.com.br#a.b.c.d", 4, True),
        ("http://localhost/oferta", 1, False),
        ("https://loja.com.br/oferta", 99999999999999999999, True),
    ],
)
@pytest.mark.parametrize("cookie", ["fbc", "fbp"])
def test_a_cookie_of_a_wrong_domain_is_found(world: World, page: str, dots: int, wrong: bool, cookie: str) -> None:
    cookies = {"fbp": FBP, cookie: f"fb.{dots}.1763640000000.1098765432"}
    visit(world, url=page, **cookies)

    assert list(causes_of(read_signals(world))) == (["wrong_cookie_domain"] if wrong else [])


def test_an_fbp_that_changes_within_a_visit_is_found(world: World) -> None:
    first = visit(world, fbp=FBP)
    visit(world, fbp=f"{FBP}1", session_id=first["session_id"])
    visit(world, session_id=first["session_id"])
    visit(world, fbp=f"{FBP}2")

    causes = causes_of(read_signals(world))

    assert (list(causes), causes["changing_fbp"][:2]) == (["changing_fbp"], (3, 4))


def test_an_fbp_that_stays_or_comes_later_is_well(world: World) -> None:
    first = visit(world)
    visit(world, fbp=FBP, session_id=first["session_id"])
    visit(world, fbp=FBP, session_id=first["session_id"])

    assert causes_of(read_signals(world)) == {}


def test_a_page_without_the_pixel_is_found(world: World) -> None:
    ids = visit(world, fbc=FBC)
    visit(world, fbc=FBC, fbp=FBP)

    assert causes_of(read_signals(world)) == {"pixel_missing": (1, 2, ids["click_id"])}


def test_a_redirect_link_is_no_page_without_a_pixel(world: World) -> None:
    change_click(visit(world, fbc=FBC), source=Source.LINK)

    assert causes_of(read_signals(world)) == {}


def test_a_sale_without_our_id_tells_of_a_missing_script(world: World) -> None:
    ids = visit(world)
    sell(world, "HP1", sck=ids["click_id"])
    sell(world, "HP2", email="carlos@example.com", phone="")
    sell(world, "HP3", email="dora@example.com", phone="", sck=ids["session_id"])

    assert causes_of(read_signals(world)) == {"script_missing": (1, 3, "HP2")}


def test_where_nobody_clicked_no_script_is_missed(world: World) -> None:
    sell(world, "HP1")

    body = read_signals(world)

    assert (body["causes"], stage_of(body, "sales")["total"]) == ([], 1)


@pytest.mark.parametrize(("days", "old"), [(89, False), (91, True)])
def test_a_click_cookie_older_than_ninety_days_is_found(world: World, days: int, old: bool) -> None:
    made_at = int((timezone.now() - timedelta(days=days)).timestamp() * 1000)
    ids = visit(world, fbc=f"fb.1.{made_at}.{FBCLID}", fbp=FBP)
    sell(world, "HP1", sck=ids["click_id"])

    assert causes_of(read_signals(world)) == ({"old_fbc": (1, 1, "HP1")} if old else {})


def test_a_phone_hashed_without_its_country_code_is_found(world: World) -> None:
    """The page hashes 11987654321; the gateway's (11) 98765-4321 is hashed here as 5511987654321."""
    without_code = hashlib.sha256(b"11987654321").hexdigest()
    ids = visit(world, email=PERSON["email"], phone=without_code)
    sell(world, "HP1", sck=ids["click_id"])

    assert causes_of(read_signals(world)) == {"phone_without_country_code": (1, 1, "HP1")}


@pytest.mark.parametrize(
    "typed",
    [
        {"email": PERSON["email"], "phone": hash_phone(PERSON["phone"])},
        {"email": PERSON["email"], "phone": "(21) 91234-5678"},
        {"email": "carlos@example.com", "phone": "a" * 64},
        {"phone": "a" * 64},
        {"email": PERSON["email"]},
    ],
    ids=["same hash", "another number in clear", "another person", "nobody known", "no phone"],
)
def test_another_phone_is_not_one_without_its_code(world: World, typed: dict[str, str]) -> None:
    ids = visit(world, **typed)
    sell(world, "HP1", sck=ids["click_id"])

    assert causes_of(read_signals(world)) == {}


def test_causes_are_those_of_the_period(world: World) -> None:
    move_click(visit(world, utm_source="facebook"), 10)
    visit(world)

    assert causes_of(read_signals(world)) == {}


def test_machines_cause_nothing(world: World) -> None:
    for values in ({"utm_source": "facebook"}, {"fbclid": FBCLID.lower()}, {"fbc": "broken"}):
        change_click(visit(world, **values), is_automated=True)
    visit(world)

    assert causes_of(read_signals(world)) == {}


def test_a_cause_is_told_with_what_to_do(world: World) -> None:
    visit(world, utm_source="facebook")
    visit(world)

    (cause,) = read_signals(world)["causes"]

    assert (cause["stage"], cause["sentence"]) == (
        "clicks",
        "Of 2 clicks, 1 name Meta as their source but came without fbclid: a redirect dropped it.",
    )
    assert cause["next_step"].startswith("Open the ad's address yourself")


def test_several_causes_of_one_click_are_all_told(world: World) -> None:
    visit(world, url=WWW, utm_source="facebook", fbp="fb.3.1763640000000.1098765432")
    visit(world, url=WWW, fbc=f"fb.3.1763640000000.{FBCLID}")

    assert [(item["cause"], item["count"]) for item in read_signals(world)["causes"]] == [
        ("wrong_cookie_domain", 2),
        ("pixel_missing", 1),
        ("redirect_strips_fbclid", 1),
    ]


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_has_its_sentences(cause: Cause) -> None:
    found = CauseFound(cause, Stage.SALES, count=31, of=47, example="HP1")

    assert {"31", "47"} <= set(explain_cause(found).replace(",", "").split())
    assert len(advise(cause)) > 40


def test_every_signal_and_stage_has_its_name() -> None:
    assert set(SIGNAL_NAMES) == set(Signal)
    assert set(STAGE_NAMES) == set(Stage)


browser_ids = st.one_of(
    st.text(string.ascii_letters + string.digits + "fb._- \n", max_size=60),
    st.from_regex(r"fb\.[0-9]{1,3}\.[0-9]{12,14}\.[A-Za-z0-9_.-]{0,40}", fullmatch=True),
)


@pytest.mark.django_db
@settings(max_examples=200)
@given(browser_ids, st.text(string.ascii_letters + string.digits + "._- ", max_size=40))
def test_the_database_takes_for_a_cookie_what_is_sent_as_one(cookie: str, fbclid: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::text ~ %s, %s::text ~ %s", [cookie, _BROWSER_ID, fbclid, _CLICK_ID])
        row = cursor.fetchone()

    assert row == (is_browser_id(cookie), is_browser_id(f"fb.1.1763640000000.{fbclid}"))
