"""A superuser at the console, and a world in which everything has happened once."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.utils.translation import override

from apps.tenants.models import User
from tests.admin.console import SCRIPT, Console, fill_other_tables, sign_in, tell_story
from tests.platforms import ScriptedPlatform
from tests.worlds import World


@pytest.fixture(autouse=True)
def _fast_passwords(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _in_english() -> Iterator[None]:
    """What is rendered outside a request; the console's browser asks for English itself."""
    with override("en"):
        yield


@pytest.fixture
def console(db: None) -> Console:
    return sign_in(User.objects.create_superuser("root@example.com", "a-long-password"))


@pytest.fixture
def story(world: World, platform: ScriptedPlatform, console: Console) -> dict[str, str]:
    """The ids of the click and session; every free text that a stranger can set holds a script."""
    ids = tell_story(
        world, order_id=f"HP{SCRIPT}", utm_campaign=SCRIPT, referrer=SCRIPT, url=f"https://a.example.com/{SCRIPT}"
    )
    fill_other_tables(1)
    console.save(Group, name=SCRIPT)
    return ids
