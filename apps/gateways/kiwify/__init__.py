"""Kiwify: orders, subscriptions and abandoned carts, each message signed over its exact bytes."""
