"""The console's pages of what a customer configured, and what the pages above need from here."""

from apps.funnels.admin import destinations, endpoints, funnels, switches
from apps.funnels.admin.shared import gateway_filter
from apps.funnels.admin.words import KIND_TEXTS

__all__ = ["KIND_TEXTS", "destinations", "endpoints", "funnels", "gateway_filter", "switches"]
