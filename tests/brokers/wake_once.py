"""`python -m tests.brokers.wake_once`: one wake-up as the relay sends it, then "taken" or "refused"."""

import django

django.setup()

from apps.core.redis import get_redis  # noqa: E402
from apps.pipeline.tasks import drain_matches  # noqa: E402
from apps.pipeline.wakeups import WakeUp, send  # noqa: E402

if __name__ == "__main__":
    wake_up = WakeUp(drain_matches)
    get_redis().delete(wake_up.key)
    print("taken" if send([wake_up]) else "refused")
