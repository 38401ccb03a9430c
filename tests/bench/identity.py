"""Identity hashing against its limit: SHA-256 of the same values already normalised."""

import hashlib
import time
from collections.abc import Callable

from apps.core.identity import Person, hash_person

ROUNDS, REPEATS = 4000, 5
BUYER = Person(
    email=" Beatriz.Moura@Example.com",
    phone="(55) 99123-4567",
    full_name="Beatriz de Souza Moura",
    city="Santa Maria",
    state="Rio Grande do Sul",
    postal_code="97010-100",
    country="Brasil",
)


def report() -> dict[str, float]:
    digests = [digest for values in hash_person(BUYER).values() for digest in values]
    values = [digest.encode() for digest in digests]
    ours = _seconds(lambda: hash_person(BUYER))
    limit = _seconds(lambda: [hashlib.sha256(value).hexdigest() for value in values])
    return {
        "hashes a person": float(len(digests)),
        "us a person": 1e6 * ours,
        "persons/s on one core": 1 / ours,
        "limit: SHA-256 alone, us": 1e6 * limit,
        "times the limit": ours / limit,
    }


def _seconds(call: Callable[[], object]) -> float:
    """The fastest of a few runs: what the code costs when nothing else runs."""
    best = float("inf")
    for _ in range(REPEATS):
        started = time.perf_counter()
        for _ in range(ROUNDS):
            call()
        best = min(best, (time.perf_counter() - started) / ROUNDS)
    return best
