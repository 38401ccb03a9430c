"""Events that customers' servers send, signed and up to a thousand at a time (docs/events-batch.md)."""
