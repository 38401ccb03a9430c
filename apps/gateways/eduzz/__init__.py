"""Eduzz: webhooks 3 of its Developer Hub, in JSON. The older flat ones (`trans_*`) are not read."""
