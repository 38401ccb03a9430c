"""Error reports; off without SENTRY_DSN, and without personal data when on."""

import sentry_sdk

from apps.core.log import scrub_report
from hubtrack.env import env

SENTRY_DSN = env.str("SENTRY_DSN", default="")

if SENTRY_DSN:
    sentry_sdk.init(
        dsn=SENTRY_DSN,
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        before_send=scrub_report,
        before_send_transaction=scrub_report,
        traces_sample_rate=env.float("SENTRY_TRACES_SAMPLE_RATE", default=0.0),
    )
