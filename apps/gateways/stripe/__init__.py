"""Stripe: Checkout and Payment Links, their subscriptions, refunds and disputes."""
