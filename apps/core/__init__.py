"""The shared kernel: errors, identity, HTTP, crypto, logs. Knows no other app."""
