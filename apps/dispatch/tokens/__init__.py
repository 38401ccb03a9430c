"""The watch over access tokens: when they end, renewing those that can be, and an alarm before a sale fails."""
