"""The parts that pages are made of: what they show, and that they escape."""

import hashlib
import uuid
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.contrib.messages import get_messages
from django.contrib.messages.storage.fallback import FallbackStorage
from django.db.models import Model, Q
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from apps.clicks.models import Click, Session
from apps.conversions.models import Delivery, Outcome
from apps.core.admin import (
    Document,
    Lookup,
    SupportAdmin,
    Table,
    act_on_each,
    badge,
    column,
    list_link,
    moment,
    row_link,
    word_filter,
)
from apps.core.admin.columns import list_address, list_column, page_field, short_text
from apps.core.admin.panels import json_document, may_view
from apps.core.admin.search import as_uuid, find_keys
from apps.core.errors import BadInput, NotPossible
from apps.funnels.models import Destination, Endpoint
from apps.funnels.services import replace_secret, replace_token
from apps.tenants.models import Tenant
from apps.tenants.scoping import unscoped
from tests.admin.console import SCRIPT, Console, new_staff
from tests.worlds import SECRETS, World

DIGEST = hashlib.sha256(b"ana@example.com").hexdigest()


def _shown(model: type[Model], name: str, row: Any) -> str:
    shown = page_field(model, name)
    assert not isinstance(shown, str)
    return str(shown(row))


def test_a_moment_is_told_in_utc_whatever_its_zone() -> None:
    in_brasilia = datetime(2026, 5, 4, 21, 30, 5, tzinfo=timezone(timedelta(hours=-3)))

    assert moment(in_brasilia) == '<span class="whitespace-nowrap">2026-05-05 00:30:05</span>'
    assert moment(in_brasilia, " UTC") == '<span class="whitespace-nowrap">2026-05-05 00:30:05 UTC</span>'
    assert moment(None) == "-"


def test_a_link_escapes_its_text_and_its_address() -> None:
    group = Group(pk=7, name=SCRIPT)

    assert row_link(group) == (
        '<a class="text-link" href="/admin/auth/group/7/change/">&lt;script&gt;alert(1)&lt;/script&gt;</a>'
    )
    assert row_link(group, "<b>") == '<a class="text-link" href="/admin/auth/group/7/change/">&lt;b&gt;</a>'
    assert list_link(Group, "<b>", q='"><script>') == (
        '<a class="text-link" href="/admin/auth/group/?q=%22%3E%3Cscript%3E">&lt;b&gt;</a>'
    )


def test_a_link_to_nothing_and_to_a_table_without_pages() -> None:
    assert row_link(None) == "-"
    assert row_link(ContentType(pk=1, app_label="auth", model="group")) == "Authentication and Authorization | group"


def test_a_list_s_address_carries_its_filters() -> None:
    assert list_address(Group) == "/admin/auth/group/"
    assert list_address(Group, q="a b&c", status__exact="dead") == "/admin/auth/group/?q=a+b%26c&status__exact=dead"


def test_a_badge_escapes_and_wears_its_colour() -> None:
    html = badge(SCRIPT, colour="danger")

    assert isinstance(html, SafeString)
    assert SCRIPT not in html
    assert "&lt;script&gt;" in html
    assert "bg-red-100" in html
    assert "bg-red-100" not in badge("calm")


@pytest.mark.parametrize(("text", "short"), [("dead: refused for good", "dead"), ("accepted", "accepted"), ("", "")])
def test_lists_show_what_stands_before_the_colon(text: str, short: str) -> None:
    assert short_text(text) == short


def test_pages_show_fields_by_their_kind() -> None:
    visit = Session(email_sha256=DIGEST, first_seen_at=datetime(2026, 1, 2, tzinfo=UTC))
    visit.tenant = Tenant(id=uuid.UUID(int=1), name=SCRIPT)

    assert _shown(Session, "email_sha256", visit) == f"{DIGEST[:12]}…"
    assert _shown(Session, "phone_sha256", Session(phone_sha256="")) == "-"
    assert "2026-01-02 00:00:00 UTC" in _shown(Session, "first_seen_at", visit)
    assert "&lt;script&gt;" in _shown(Session, "tenant", visit)
    answers = [_shown(Session, "consent_ads", Session(consent_ads=word)) for word in (None, True, False)]
    assert answers == ["unknown", "yes", "no"]
    assert page_field(Session, "public_id") == "public_id"
    assert page_field(Session, "first_seen_at") is page_field(Session, "first_seen_at")


def test_lists_show_words_in_colour_and_short() -> None:
    outcome = list_column(Delivery, "outcome", {Outcome.UNKNOWN: "warning"})

    assert not isinstance(outcome, str)
    assert outcome.label == {
        "recorded": "",
        "ignored": "",
        "unknown": "warning",
        "quarantined": "",
        "unconfirmed": "",
    }
    assert outcome(Delivery(outcome=Outcome.UNKNOWN)) == ("unknown", "unknown word of the gateway")
    assert outcome(Delivery(outcome="of tomorrow")) == ("of tomorrow", "of tomorrow")


def test_a_column_is_named_after_its_function() -> None:
    @column("How much")
    def amount(row: Any) -> str:
        return f"{row} BRL"

    assert (amount.__name__, amount.short_description, amount(3)) == ("amount", "How much", "3 BRL")


def test_hashes_in_documents_are_shortened_but_event_ids_are_not() -> None:
    sent = {"event_id": DIGEST, "user_data": {"em": [DIGEST, "short"], "ip": "1.2.3.4"}, "value": 1.5, "à": None}

    document = json_document("Request", sent)

    assert document.text == (
        "{\n"
        f'  "event_id": "{DIGEST}",\n'
        '  "user_data": {\n'
        f'    "em": [\n      "{DIGEST[:12]}…",\n      "short"\n    ],\n'
        '    "ip": "1.2.3.4"\n'
        "  },\n"
        '  "value": 1.5,\n'
        '  "à": null\n'
        "}"
    )


def test_documents_and_tables_escape_what_they_hold() -> None:
    document = render_to_string(Document.template, {"panel": Document("t", SCRIPT)})
    table = Table(title="t", headers=("<i>", "b"), rows=[(SCRIPT, badge("calm")), (None, 0)], words=SCRIPT, more=SCRIPT)

    html = render_to_string(Table.template, {"panel": table})

    assert SCRIPT not in document + html
    assert document.count("&lt;script&gt;") == 1
    assert html.count("&lt;script&gt;") == 3
    assert "<span>-</span>" in html  # nothing
    assert "<span>0</span>" in html  # none is a number too
    assert html.count("<td") == 4


def test_an_empty_table_says_so() -> None:
    assert "None." in render_to_string(Table.template, {"panel": Table("t", ("a",), ())})
    assert "None." not in render_to_string(Table.template, {"panel": Table("t", ("a",), (), words="Not yet.")})


@pytest.mark.parametrize("text", ["", "not-an-id", "1234"])
def test_what_is_no_id_is_not_looked_for(text: str) -> None:
    assert as_uuid(text) is None


def test_an_id_is_read_in_any_spelling() -> None:
    known = uuid.uuid4()

    assert as_uuid(str(known).upper()) == as_uuid(known.hex) == known


def test_every_reading_of_a_text_is_looked_up(db: None) -> None:
    kept = [Group.objects.create(name=name) for name in ("7", "other")]
    lookups = [Lookup("name"), Lookup("pk", lambda text: kept[1].pk if text == "7" else None)]

    assert find_keys(Group, lookups, "7") == {row.pk for row in kept}
    assert find_keys(Group, lookups, "8") == set()


def test_a_reading_that_fails_asks_the_database_nothing(django_assert_num_queries: Any, db: None) -> None:
    with django_assert_num_queries(0):
        assert find_keys(Group, [Lookup("pk", as_uuid)], "no id") == set()


def test_a_word_that_is_not_offered_filters_nothing(rf: Any, db: None) -> None:
    page = SupportAdmin(Group, None)  # type: ignore[arg-type]
    made = word_filter("Name", "word", {"a": ("A", Q(name="a"))})
    for name in ("a", "b"):
        Group.objects.create(name=name)

    def names(word: str) -> list[str]:
        rows = made(rf.get("/"), {"word": [word]}, Group, page).queryset(rf.get("/"), Group.objects.order_by("name"))
        return [group.name for group in rows or ()]

    assert (names("a"), names("of tomorrow")) == (["a"], ["a", "b"])


def test_seeing_needs_view_or_change(db: None) -> None:
    users = [new_staff(*names, email=f"{len(names)}{names}@example.com").user for names in (
        (), ("clicks.view_click",), ("clicks.change_click",), ("clicks.view_session",),
    )]  # fmt: skip

    assert [may_view(user, Click) for user in users] == [False, True, True, False]


class _Page(SupportAdmin):
    """Groups, for actions on them."""


def _act(rf: Any, console: Console, act: Any) -> list[str]:
    request = rf.post("/")
    request.user, request.session = console.user, {}
    request._messages = FallbackStorage(request)
    act_on_each(_Page(Group, None), request, Group.objects.order_by("pk"), act, done="Renamed")  # type: ignore[arg-type]
    return [str(message) for message in get_messages(request)]


def test_a_row_that_fails_is_left_whole_and_the_others_are_done(rf: Any, console: Console) -> None:
    for name in ("a", "b", "c"):
        Group.objects.create(name=name)

    def rename(group: Group) -> None:
        Group.objects.filter(pk=group.pk).update(name=f"{group.name}{group.name}")
        if group.name == "b":
            raise NotPossible("It is b.")

    said = _act(rf, console, rename)

    assert said == ["Renamed: 2", "b: It is b."]
    assert [*Group.objects.order_by("pk").values_list("name", flat=True)] == ["aa", "b", "cc"]
    assert LogEntry.objects.count() == 2


def test_a_reason_names_each_field_that_is_wrong(rf: Any, console: Console) -> None:
    Group.objects.create(name="a")

    def refuse(group: Group) -> None:
        raise BadInput("Complete it.", fields={"name": "Longer.", "kind": "Missing."})

    assert _act(rf, console, refuse) == ["a: Complete it. Longer. Missing."]
    assert not LogEntry.objects.exists()


def test_a_bug_is_not_hidden_as_a_reason(rf: Any, console: Console) -> None:
    Group.objects.create(name="a")

    def stumble(group: Group) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        _act(rf, console, stumble)


def test_the_same_secret_again_does_not_push_out_the_one_before(world: World) -> None:
    with unscoped():
        endpoint = Endpoint.objects.get(gateway="hotmart")
        replace_secret(endpoint, "second")
        replace_secret(endpoint, "second")
        saved = Endpoint.objects.get(gateway="hotmart")

    assert (saved.secret, saved.previous_secret) == ("second", SECRETS["hotmart"])


def test_a_secret_is_replaced_from_what_is_stored_now(world: World) -> None:
    with unscoped():
        stale, other = (Endpoint.objects.get(gateway="hotmart") for _turn in range(2))
        replace_secret(other, "second")
        replace_secret(stale, "third")
        saved = Endpoint.objects.get(gateway="hotmart")

    assert (saved.secret, saved.previous_secret) == ("third", "second")


def test_a_replaced_token_is_dated_and_nothing_else_is_written(world: World) -> None:
    with unscoped():
        stale = Destination.objects.get()
        Destination.objects.update(test_event_code="TEST1")
        replace_token(stale, "token-2")
        saved = Destination.objects.get()

    assert (saved.access_token, saved.test_event_code) == ("token-2", "TEST1")
    assert saved.token_saved_at > saved.created_at
