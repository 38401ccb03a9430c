"""The customer's own server as a destination (docs/http-gateway.md): what is posted, and what its answers mean."""
