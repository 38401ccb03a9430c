"""Every gateway the hub speaks with, one entry each."""

from collections.abc import Mapping

from apps.gateways.appmax.adapter import AppmaxAdapter
from apps.gateways.base import Adapter
from apps.gateways.braip.adapter import BraipAdapter
from apps.gateways.eduzz.adapter import EduzzAdapter
from apps.gateways.hotmart.adapter import HotmartAdapter
from apps.gateways.kiwify.adapter import KiwifyAdapter
from apps.gateways.orders.adapter import OrdersAdapter
from apps.gateways.perfectpay.adapter import PerfectPayAdapter
from apps.gateways.stripe.adapter import StripeAdapter

ADAPTERS: Mapping[str, Adapter] = {
    adapter.slug: adapter
    for adapter in (
        AppmaxAdapter(),
        BraipAdapter(),
        EduzzAdapter(),
        HotmartAdapter(),
        KiwifyAdapter(),
        OrdersAdapter(),
        PerfectPayAdapter(),
        StripeAdapter(),
    )
}

# The next version of an adapter, while it is tried beside the one in use: its `version` is one higher.
CANDIDATES: Mapping[str, Adapter] = {}


def get_adapter(slug: str) -> Adapter | None:
    return ADAPTERS.get(slug)
