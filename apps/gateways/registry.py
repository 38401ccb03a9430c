"""Every gateway the hub speaks with, one entry each."""

from collections.abc import Mapping

from apps.gateways.base import Adapter
from apps.gateways.hotmart.adapter import HotmartAdapter
from apps.gateways.stripe.adapter import StripeAdapter

ADAPTERS: Mapping[str, Adapter] = {
    adapter.slug: adapter
    for adapter in (
        HotmartAdapter(),
        StripeAdapter(),
    )
}


def get_adapter(slug: str) -> Adapter | None:
    return ADAPTERS.get(slug)
