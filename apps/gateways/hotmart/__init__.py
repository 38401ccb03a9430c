"""Hotmart: webhooks 2.0.0 in JSON and the older form-encoded "postback" 1.0.0."""
