"""Hits, purchases, links and undoings in the same moments: whatever the order, nobody is lost or left with a shadow."""

import random
from collections.abc import Callable

import pytest
from django.db.models import F

from apps.clicks.models import Click, Identity, Person, PersonMerge, Session
from apps.clicks.people import Purchase, note_purchases, undo_merge
from apps.core.errors import NotPossible
from apps.tenants.scoping import unscoped
from tests.clicks.hits import least, send
from tests.clicks.known import identity_of, let_pass, link_all, link_some
from tests.pipeline.test_concurrency import at_once
from tests.worlds import World

pytestmark = pytest.mark.django_db(transaction=True)


def works(world: World, chance: random.Random) -> list[Callable[[], int]]:
    """A moment's work, each kind of it several times."""
    sessions = [f"visitor-{number}" for number in range(6)]
    hits = [
        least(
            world,
            session_id=chance.choice(sessions),
            email=chance.choice(["", "a@example.com", "b@example.com", "c@example.com"]),
            phone=chance.choice(["", "11987654321", "21912345678"]),
        )
        for _ in range(60)
    ]

    def hit(body: dict[str, str]) -> Callable[[], int]:
        return lambda: int(send(world, "click", body).status_code)

    def link() -> int:
        return link_some(limit=4) and 0

    def buy() -> int:
        with unscoped():
            clicks = list(Click.objects.order_by("-pk").values_list("pk", flat=True)[:5])
            return note_purchases([Purchase(pk, identity_of("e7", "p7")) for pk in clicks]) and 0

    def undo() -> int:
        with unscoped():
            latest = PersonMerge.objects.order_by("-pk").first()
            try:
                return undo_merge(latest.pk, "").pk and 0 if latest else 0
            except NotPossible:
                return 0

    def idle() -> int:
        let_pass("visitor-0", 31)
        return 0

    done = [*(hit(body) for body in hits), *[link] * 20, *[buy] * 8, *[undo] * 4, *[idle] * 2]
    chance.shuffle(done)
    return done


@pytest.mark.parametrize("seed", range(3))
def test_everything_at_once_leaves_everybody_whole(world: World, seed: int) -> None:
    answers = at_once(works(world, random.Random(seed)), threads=8)
    link_all()

    assert sorted(set(answers)) == [0, 201]
    assert answers.count(201) == 60
    with unscoped():
        assert not Session.objects.filter(person__isnull=True).exclude(identity={}).exists()
        for model in (Session, Identity):
            assert not model.objects.filter(person__merged_into__isnull=False).exists()
        lost = set(Person.objects.filter(merged_into__isnull=False).values_list("pk", flat=True))
        assert lost == set(PersonMerge.objects.filter(undone_at=None).values_list("merged", flat=True))
        assert not PersonMerge.objects.filter(kept__gte=F("merged")).exists()
        assert Identity.objects.count() >= 5
