"""What every test may use: an account, a published funnel, and clients that speak as each outside party does."""

from collections.abc import Iterator
from typing import Any

import pytest

from apps.funnels import selectors
from apps.pipeline import drift
from apps.tenants.services import NewTenant, create_tenant
from tests.platforms import ScriptedPlatform, scripted_platform
from tests.worlds import World, make_world


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--mutations", type=int, default=2_500, help="damaged deliveries to try (at least 2000)")


@pytest.fixture
def mutations(request: pytest.FixtureRequest) -> int:
    wanted: int = request.config.getoption("--mutations")
    return wanted


@pytest.fixture(autouse=True)
def _forget_what_is_remembered() -> Iterator[None]:
    """Endpoints, funnels and noted fields are remembered for seconds; a test must not see another's."""
    selectors.forget_remembered()
    drift.forget_noted()
    yield
    selectors.forget_remembered()
    drift.forget_noted()


@pytest.fixture(autouse=True)
def _hash_passwords_fast(settings: Any) -> None:
    """The real hasher is slow on purpose."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def tenant(db: None) -> NewTenant:
    return create_tenant(name="Cursos da Ana", email="ana@example.com")


@pytest.fixture
def other_tenant(db: None) -> NewTenant:
    return create_tenant(name="Loja do Bruno", email="bruno@example.com")


@pytest.fixture
def world(tenant: NewTenant) -> World:
    """Ana's account with one published funnel from Hotmart and Stripe to a Meta pixel."""
    return make_world(tenant)


@pytest.fixture
def other_world(other_tenant: NewTenant) -> World:
    return make_world(other_tenant)


@pytest.fixture
def platform(settings: Any) -> Iterator[ScriptedPlatform]:
    """A scripted Meta; every destination that names no base URL is sent there."""
    with scripted_platform() as running:
        settings.META_GRAPH_URL = running.url
        yield running
