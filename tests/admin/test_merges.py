"""Support takes a merge of people back, and who did it is kept."""

from apps.clicks.models import PersonMerge
from apps.tenants.scoping import unscoped
from tests.admin.console import Console, all_rows, fresh, messages_of, new_staff, text_of
from tests.clicks.known import link_all, merges, partition, snapshot, visit
from tests.worlds import World


def merged_pair(world: World) -> PersonMerge:
    """Somebody's e-mail and phone, known apart until a third visit named both."""
    for words in (["e1"], ["p1"], ["e1", "p1"]):
        visit(world, *words)
        link_all()
    (merge,) = merges()
    return merge


def test_a_merge_is_undone_and_says_by_whom(console: Console, world: World) -> None:
    merge = merged_pair(world)

    answer = console.act("undo", merge)

    assert messages_of(answer) == ["Merge undone: 1"]
    undone = fresh(merge)
    assert undone.undone_at is not None
    assert undone.undone_by == console.user.get_username()
    assert fresh(merge.merged).merged_into_id is None
    link_all()
    assert sorted(map(len, partition())) == [1, 2]
    assert undone.undone_by in text_of(answer)
    assert undone.undone_by in text_of(console.page(merge))
    assert undone.undone_by in text_of(console.page(merge.kept))


def test_a_merge_is_undone_once(console: Console, world: World) -> None:
    merge = merged_pair(world)
    console.act("undo", merge)
    before = (snapshot(), fresh(merge).undone_at)
    second = new_staff("clicks.view_personmerge", "clicks.change_personmerge", email="rita@example.com")

    answer = second.act("undo", merge)

    assert messages_of(answer)[0].endswith("This merge has been undone already.")
    assert (snapshot(), fresh(merge).undone_at) == before
    assert fresh(merge).undone_by == console.user.get_username()


def test_who_may_only_look_undoes_nothing(world: World) -> None:
    merge = merged_pair(world)
    before, looker = snapshot(), new_staff("clicks.view_personmerge")

    page, answer = looker.page(merge), looker.act("undo", merge)

    assert 'value="undo"' not in text_of(page)
    assert "Merge undone: 1" not in messages_of(answer)
    assert (snapshot(), [row.undone_by for row in all_rows(PersonMerge)]) == (before, [""])


def test_the_button_on_the_page_undoes_that_merge_alone(console: Console, world: World) -> None:
    merge = merged_pair(world)
    with unscoped():
        other = PersonMerge.objects.create(
            tenant_id=world.tenant_id, kept=merge.kept, merged=merge.merged, identity=merge.identity, moved=merge.moved
        )
    page = console.page(merge)

    answer = console.client.post(
        page.context["page_actions_address"],
        {"action": "undo", "_selected_action": str(merge.pk), "index": "0"},
        follow=True,
    )

    assert messages_of(answer) == ["Merge undone: 1"]
    assert [row.undone_by for row in (fresh(merge), fresh(other))] == [console.user.get_username(), ""]
