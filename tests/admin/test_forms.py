"""Forms: tokens go in and never come out, a part belongs to its funnel's tenant, nobody promotes himself."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from apps.dispatch.models import Send
from apps.dispatch.services import release_parked
from apps.funnels.models import Destination
from apps.tenants.models import Member, User
from apps.tenants.scoping import unscoped
from tests.admin.console import Console, address, endpoint_of, errors_of, fresh, new_staff
from tests.platforms import ACCEPT, ScriptedPlatform, graph_error
from tests.worlds import World, hotmart


def _destination(world: World) -> Destination:
    with unscoped():
        destination: Destination = world.funnel.destinations.get()
    return destination


def _token_values(**changes: str) -> dict[str, str]:
    written = dict.fromkeys(("new_secret", "test_event_code", "api_version", "base_url", "canary_version"), "")
    return {**written, "canary_percent": "0", **changes}


def test_a_new_token_releases_what_was_parked(console: Console, world: World, platform: ScriptedPlatform) -> None:
    platform.answers = [graph_error(190), ACCEPT]
    world.post_webhook(hotmart())
    world.run_stages()
    destination = _destination(world)

    answer = console.save(destination, **_token_values(new_secret="the-newest-token"))

    assert "the-newest-token" not in answer.content.decode()
    saved = fresh(destination)
    assert (saved.access_token, saved.token_saved_at > destination.token_saved_at) == ("the-newest-token", True)
    with unscoped():
        assert Send.objects.get().status == "parked"
        assert release_parked() == 1
    world.run_stages()
    assert platform.tokens == ["Bearer token-of-ana", "Bearer the-newest-token"]


def test_an_empty_token_keeps_the_one_in_use_and_its_date(console: Console, world: World) -> None:
    destination = _destination(world)

    console.save(destination, **_token_values(test_event_code="TEST1", api_version="v25.0"))

    saved = fresh(destination)
    assert (saved.test_event_code, saved.api_version) == ("TEST1", "v25.0")
    assert (saved.access_token, saved.token_saved_at) == ("token-of-ana", destination.token_saved_at)


@pytest.mark.parametrize("version", ["25", "v25", "latest", "v25.0/me", "V25.0"])
def test_an_api_version_is_written_as_the_platform_writes_it(version: str, console: Console, world: World) -> None:
    errors = errors_of(console.save(_destination(world), **_token_values(api_version=version)))

    assert errors == {"api_version": ["Write it as v26.0."]}
    assert fresh(_destination(world)).api_version == ""


def test_a_new_destination_belongs_to_its_funnels_tenant(console: Console, other_world: World) -> None:
    values = _token_values(funnel=str(other_world.funnel.pk), platform="meta", pixel_id="42", new_secret="token-42")

    console.save(Destination, **values)

    with unscoped():
        made = Destination.objects.get(pixel_id="42")
    assert (made.tenant_id, made.access_token) == (other_world.tenant_id, "token-42")


def test_a_new_destination_needs_a_token_and_a_plain_pixel_id(console: Console, world: World) -> None:
    values = _token_values(funnel=str(world.funnel.pk), platform="meta", pixel_id="42/../me")

    errors = errors_of(console.save(Destination, **values))

    assert errors.keys() == {"pixel_id", "new_secret"}
    with unscoped():
        assert world.funnel.destinations.count() == 1


def test_the_same_destination_cannot_be_made_twice(console: Console, world: World) -> None:
    destination = _destination(world)
    values = _token_values(
        funnel=str(world.funnel.pk), platform="meta", pixel_id=destination.pixel_id, new_secret="token-42"
    )

    errors = errors_of(console.save(Destination, **values))

    assert errors.keys() == {"__all__"}
    assert fresh(destination).access_token == "token-of-ana"


def test_who_may_only_look_sees_funnels_without_inputs(world: World) -> None:
    looker = new_staff("funnels.view_funnel", "funnels.view_endpoint", "funnels.view_destination")

    for row in (world.funnel, endpoint_of(world), _destination(world)):
        assert 'name="_save"' not in (html := looker.page(row).content.decode())
        assert 'name="new_secret"' not in html
        assert looker.client.post(address(row, "change"), {"name": "Mine"}).status_code == 403
    assert fresh(world.funnel).name == "Curso de Confeitaria"


def test_a_member_changes_roles_but_not_tenants(console: Console, world: World, other_world: World) -> None:
    with unscoped():
        member = Member.objects.get(tenant=world.tenant_id)

    console.save(member, role="analyst", tenant=str(other_world.tenant_id), user="1")

    saved = fresh(member)
    assert (saved.role, saved.tenant_id, saved.user_id) == ("analyst", world.tenant_id, member.user_id)


def test_a_member_can_be_added_and_removed(console: Console, world: World, other_world: World) -> None:
    ana = User.objects.get(email="ana@example.com")

    console.save(Member, tenant=str(other_world.tenant_id), user=str(ana.pk), role="analyst")
    with unscoped():
        made = Member.objects.get(tenant=other_world.tenant_id, user=ana)
    console.client.post(address(made, "delete"), {"post": "yes"})

    with unscoped():
        assert not Member.objects.filter(pk=made.pk).exists()
        assert Member.objects.filter(user=ana).count() == 1


PASSWORDS = {"password1": "confeito-de-laranja", "password2": "confeito-de-laranja"}


def test_a_user_is_made_by_e_mail_and_can_log_in(console: Console) -> None:
    console.save(User, email="Dora@Example.com", name="Dora", **PASSWORDS)

    made = User.objects.get(name="Dora")
    assert (made.email, made.is_staff, made.is_superuser) == ("dora@example.com", False, False)
    assert Client().login(username="dora@example.com", password=PASSWORDS["password1"])


def test_a_taken_e_mail_and_a_weak_password_are_refused(console: Console) -> None:
    errors = errors_of(console.save(User, email="ROOT@example.com", password1="short", password2="short"))

    assert "email" in errors
    assert User.objects.count() == 1


def test_a_user_s_page_never_shows_the_password_and_leads_to_a_new_one(console: Console) -> None:
    html = console.page(console.user).content.decode()

    assert console.user.password not in html
    assert console.user.password.split("$")[-1][:6] not in html
    assert f"/admin/tenants/user/{console.user.pk}/password/" in html


def test_a_password_is_replaced(console: Console) -> None:
    dora = User.objects.create_user("dora@example.com", "the-old-password")

    console.client.post(f"/admin/tenants/user/{dora.pk}/password/", {**PASSWORDS, "set-password": "1"})

    assert not Client().login(username="dora@example.com", password="the-old-password")
    assert Client().login(username="dora@example.com", password=PASSWORDS["password1"])


def test_staff_cannot_make_anybody_more_than_they_are(console: Console) -> None:
    clerk = new_staff("tenants.view_user", "tenants.change_user", "tenants.add_user")
    dora = User.objects.create_user("dora@example.com")

    clerk.save(dora, email="dora@example.com", name="Dora M.", is_active="on", is_staff="on", is_superuser="on")

    saved = User.objects.get(pk=dora.pk)
    assert (saved.name, saved.is_staff, saved.is_superuser) == ("Dora M.", False, False)


def test_staff_cannot_touch_staff(console: Console) -> None:
    clerk = new_staff("tenants.view_user", "tenants.change_user")
    password = console.user.password

    codes = [
        clerk.client.post(address(console.user, "change"), {"email": "mine@example.com"}).status_code,
        clerk.client.post(f"/admin/tenants/user/{console.user.pk}/password/", PASSWORDS).status_code,
    ]

    assert codes == [403, 403]
    root = User.objects.get(pk=console.user.pk)
    assert (root.email, root.password) == ("root@example.com", password)


def test_a_superuser_may_promote(console: Console) -> None:
    dora = User.objects.create_user("dora@example.com")

    console.save(dora, email="dora@example.com", is_active="on", is_staff="on")

    assert User.objects.get(pk=dora.pk).is_staff


def test_the_schedule_is_changed_by_who_may_change_it(console: Console, story: dict[str, str]) -> None:
    task = PeriodicTask.objects.get()
    looker = new_staff("django_celery_beat.view_periodictask")

    looker.act("disable_tasks", task)
    assert PeriodicTask.objects.get().enabled
    console.act("disable_tasks", task)
    assert not PeriodicTask.objects.get().enabled


def test_a_periodic_task_can_be_edited(console: Console, story: dict[str, str]) -> None:
    values = {"name": "purge", "task": "apps.pipeline.tasks.purge_sandbox", "args": "[]", "kwargs": "{}"}

    console.save(PeriodicTask, **values, headers="{}", interval=str(IntervalSchedule.objects.get().pk), enabled="on")

    made = PeriodicTask.objects.get(name="purge")
    assert made.task == "apps.pipeline.tasks.purge_sandbox"
    assert timezone.now() - made.date_changed < timedelta(minutes=1)
