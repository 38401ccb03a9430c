"""`python -m tests.brokers.wake_once`: one wake-up as the relay sends it, then "taken" or "refused"."""

import django

django.setup()

from apps.pipeline.tasks import drain_matches, wake  # noqa: E402

if __name__ == "__main__":
    print("taken" if wake(drain_matches) else "refused")
