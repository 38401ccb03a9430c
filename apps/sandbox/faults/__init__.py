"""Faults by script: what the stand-in does wrong on request, and to whom, so that a hub can be tried by them."""
