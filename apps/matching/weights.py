"""The product's own weights: what scores a sale where a funnel has published no weights of its own.

Fitted by logistic regression, tier by tier, on the synthetic worlds of seeds 0 to 9 (docs/matching.md tells how, and
what was set by hand); docs/benchmarks.md holds what they reach on other seeds. A set is never changed, only followed by
another: stored decisions name theirs.
"""

from apps.matching.scoring import TierWeights, WeightSet
from apps.matching.signals import Signal, Tier

PRODUCT = WeightSet(
    name="product-1",
    caution=0.94,
    tiers={
        Tier.CARRIED: TierWeights(
            bias=2.39,
            weights={
                Signal.CLICK_ID: 0.71,
                Signal.SESSION_ID: 1.44,
                Signal.EMAIL: 1.2,
                Signal.PHONE: 0.46,
                Signal.FBC: 0.05,
                Signal.SAME_VISIT: 3.11,
                Signal.SEEN_AGAIN_HERE: 0.11,
                Signal.STALE_ID: -1.08,
                Signal.OTHER_IDENTITY: -1.94,
                Signal.RIVAL: -3.48,
                Signal.LINKED_RIVAL: -2.39,
            },
        ),
        Tier.SHARED: TierWeights(
            bias=0.74,
            weights={
                Signal.PHONE: 0.32,
                Signal.FBC: 1.52,
                Signal.ADDRESS: 0.31,
                Signal.DEVICE: 1.0,
                Signal.SAME_VISIT: 3.76,
                Signal.SAME_DAY: 0.8,
                Signal.SEEN_AGAIN: 1.13,
                Signal.SEEN_AGAIN_HERE: 2.57,
                Signal.AGE: -0.29,
                Signal.OTHER_IDENTITY: -2.18,
                Signal.OTHER_ID: -1.03,
                Signal.RIVAL: -5.22,
                Signal.LINKED_RIVAL: -1.93,
                Signal.NEARBY_RIVAL: -1.0,
                Signal.RIVAL_HERE: -2.73,
            },
        ),
        Tier.LINKED: TierWeights(
            bias=1.4,
            weights={
                Signal.BROWSER: 0.56,
                Signal.PERSON: 3.75,
                Signal.DEVICE: 1.0,
                Signal.SAME_VISIT: 3.83,
                Signal.SAME_DAY: 0.09,
                Signal.SEEN_AGAIN: 1.66,
                Signal.SEEN_AGAIN_HERE: 2.61,
                Signal.AGE: -0.91,
                Signal.OTHER_IDENTITY: -4.99,
                Signal.OTHER_ID: -1.78,
                Signal.RIVAL: -3.79,
                Signal.LINKED_RIVAL: -3.99,
                Signal.RIVAL_HERE: -5.0,
            },
        ),
        Tier.NEARBY: TierWeights(
            bias=1.32,
            weights={
                Signal.ADDRESS: 1.23,
                Signal.DEVICE: 1.0,
                Signal.SAME_VISIT: 4.68,
                Signal.SEEN_AGAIN: 0.23,
                Signal.CROWD: -2.16,
                Signal.AGE: -0.75,
                Signal.OTHER_IDENTITY: -2.42,
                Signal.OTHER_ID: -2.92,
                Signal.RIVAL: -3.17,
                Signal.LINKED_RIVAL: -1.53,
                Signal.NEARBY_RIVAL: -1.52,
                Signal.RIVAL_HERE: -1.58,
            },
        ),
    },
)
SHIPPED = {weights.name: weights for weights in (PRODUCT,)}
"""Every set that ever decided something, by name."""
