"""`manage.py demo`: one simulated sale through the real endpoints, and the trace of it."""
