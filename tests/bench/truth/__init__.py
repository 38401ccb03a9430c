"""Matching against worlds whose truth is known: `make bench ARGS="truth --seeds 100-119"` (docs/benchmarks.md).

The rules are tuned on seeds 0 to 9 only; what is reported stands on 100 to 119.
"""
