"""Settings by concern; one set for development, tests and production, which differ by environment only."""

# The Celery application exists wherever settings are loaded, so that shared tasks find it.
from hubtrack import celery as _celery  # noqa: F401
from hubtrack.settings.admin import *  # noqa: F403
from hubtrack.settings.base import *  # noqa: F403
from hubtrack.settings.celery import *  # noqa: F403
from hubtrack.settings.database import *  # noqa: F403
from hubtrack.settings.logging import *  # noqa: F403
from hubtrack.settings.platforms import *  # noqa: F403
from hubtrack.settings.rest import *  # noqa: F403
from hubtrack.settings.security import *  # noqa: F403
from hubtrack.settings.sentry import *  # noqa: F403
