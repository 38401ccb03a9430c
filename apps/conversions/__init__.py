"""Webhook deliveries, and the orders that they tell of; knows nothing of clicks."""
