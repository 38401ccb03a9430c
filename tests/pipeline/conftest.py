"""What the tests of the flow share."""

import io
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from apps.core.log import logging_config
from tests.gateways.api_stand_in import StandIn, gateway_api
from tests.pipeline.appmax import ORDER_ID, SALE, TOKEN, Orders, answer_from, give_credentials
from tests.pipeline.database import count_everything
from tests.worlds import World


@pytest.fixture
def unchanged(world: World) -> Iterator[None]:
    """Asserts at the end that no table has gained or lost a row."""
    before = count_everything()
    yield
    assert count_everything() == before


@pytest.fixture
def logged() -> Iterator[Callable[[], str]]:
    """All that is logged from here on, down to DEBUG, as the console handler would print it."""
    formatter = logging_config(level="INFO", pretty=False)["formatters"]["structured"]
    printed = io.StringIO()
    handler = logging.StreamHandler(printed)
    handler.setFormatter(formatter.pop("()")(**formatter))
    root = logging.getLogger()
    levels = {name: logging.getLogger(name).level for name in ("", "django.request", "django.security")}
    root.addHandler(handler)
    for name in levels:
        logging.getLogger(name).setLevel(logging.INFO)
    yield printed.getvalue
    root.removeHandler(handler)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def orders() -> Orders:
    """What Appmax knows of; tests change it."""
    return {ORDER_ID: SALE["data"]}


@pytest.fixture
def api(orders: Orders, settings: Any) -> Iterator[StandIn]:
    """Appmax's API, which answers from `orders`."""
    with gateway_api(answer_from(orders)) as standing:
        settings.GATEWAY_API_URLS = {"appmax": standing.url}
        settings.OUTBOUND_ALLOW_LOOPBACK = True
        yield standing


@pytest.fixture
def asking(world: World, api: StandIn) -> World:
    """Ana's world with the token of her Appmax account."""
    give_credentials(world, {"access_token": TOKEN})
    return world
