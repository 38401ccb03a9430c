"""The console's pages of deliveries, of the quarantine, and of orders as the hub knows them."""

from apps.conversions.admin import deliveries, drift, orders, quarantine, trials
from apps.conversions.admin.shared import by_order

__all__ = ["by_order", "deliveries", "drift", "orders", "quarantine", "trials"]
