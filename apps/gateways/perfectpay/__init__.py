"""PerfectPay: webhooks that carry a sale as it stands, with a number for its status."""
