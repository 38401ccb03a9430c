"""The ad platforms and the gateways' own APIs: where they are."""

from hubtrack.env import env

META_GRAPH_URL = env.str("META_GRAPH_URL", default="https://graph.facebook.com").rstrip("/")
META_API_VERSION = env.str("META_API_VERSION", default="v26.0")
# The hub's own app at Meta, if it has one: it can tell when tokens of that app end, and renew them (docs/tokens.md).
META_APP_ID = env.str("META_APP_ID", default="")
META_APP_SECRET = env.str("META_APP_SECRET", default="")
TIKTOK_API_URL = env.str("TIKTOK_API_URL", default="https://business-api.tiktok.com").rstrip("/")
# Where destinations of the platform "http" post to that name no address of their own (docs/http-gateway.md).
CAPI_GATEWAY_URL = env.str("CAPI_GATEWAY_URL", default="")
SANDBOX_URL = env.str("SANDBOX_URL", default="")
# Only the embedded stack turns this on: its platforms live on this very machine.
OUTBOUND_ALLOW_LOOPBACK = env.bool("OUTBOUND_ALLOW_LOOPBACK", default=False)
# Addresses asked instead of the gateways' own APIs: {"kiwify": "http://127.0.0.1:9000"}
GATEWAY_API_URLS: dict[str, str] = env.json("GATEWAY_API_URLS", default={})
