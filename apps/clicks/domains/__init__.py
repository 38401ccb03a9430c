"""Customers' own hosts that lead to the hub: their proof, and the cookies set there (docs/tracking-domains.md)."""
