"""A format that changes gives the same reading, or quarantine: never a lost sale, a wrong status or a wrong amount."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.gateways.mutations import MUTATIONS, REFUSED, core_of, mutate, telling_places
from tests.gateways.samples import MISSING, Sample, all_samples, with_value

# Wrong places would make the test pass by refusing all: of each kind of change this share must still be read.
HARMLESS = ("reorder", "duplicate keys", "send twice", "pretty-print", "escape")


def test_mutated_deliveries_are_read_alike_or_refused(mutations: int) -> None:
    tried, refused = Counter[str](), Counter[str]()

    @settings(max_examples=mutations, derandomize=True, deadline=None)
    @given(st.sampled_from(all_samples()), st.sampled_from(MUTATIONS), st.integers(0, 10**6))
    def damage(sample: Sample, mutation: str, seed: int) -> None:
        request = mutate(sample, mutation, Random(seed))
        reading = core_of(sample, request)
        tried[mutation] += 1
        refused[mutation] += reading == REFUSED
        assert reading in (REFUSED, core_of(sample, sample.request_with(sample.document))), request.body.decode()

    damage()

    assert sum(tried.values()) >= 2_000
    assert set(tried) == set(MUTATIONS)
    assert [mutation for mutation in HARMLESS if refused[mutation]] == []
    assert all(refused[mutation] for mutation in ("rename", "drop", "nest", "retype"))


@pytest.mark.parametrize("sample", all_samples(), ids=str)
def test_the_loss_of_any_one_field_is_noticed_or_harmless(sample: Sample) -> None:
    original = core_of(sample, sample.request_with(sample.document))

    for place in telling_places(sample):
        for value in (MISSING, None, [], {}, ""):
            reading = core_of(sample, sample.request_with(with_value(sample.document, place, value)))
            assert reading in (REFUSED, original), (place, value)
