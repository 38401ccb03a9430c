"""One hub per broker, shared by the module's tests."""

from collections.abc import Iterator

import pytest

from tests.brokers.servers import BrokerServer, RabbitServer, RedisServer, SqsServer
from tests.brokers.site import ENGINE, Site, running_site

SERVERS: dict[str, type[BrokerServer]] = {"redis": RedisServer, "sqs": SqsServer, "rabbitmq": RabbitServer}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """These take minutes, and a RabbitMQ: only who asks for the marker gets them."""
    if "brokers" in config.option.markexpr:
        return
    left_out = [item for item in items if item.get_closest_marker("brokers")]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="package", params=list(SERVERS))
def whole_site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if request.param == "rabbitmq" and RabbitServer.program() is None:
        pytest.skip("there is no RabbitMQ on this machine: `make test-brokers` installs it")
    directory = tmp_path_factory.mktemp(request.param)
    with running_site(SERVERS[request.param](directory)) as site:
        yield site


@pytest.fixture
def site(whole_site: Site) -> Site:
    """With every program of the engine running, and nothing held against it that happened before."""
    whole_site.revive()
    whole_site.hub.start(*(name for name in ENGINE if name not in whole_site.hub.running))
    whole_site.deaths.clear()
    return whole_site
