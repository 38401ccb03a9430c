"""The calendar of API versions: which one a request may use, and alarms before one that is in use ends."""
