"""Is the hub well: health, readiness, metrics."""
