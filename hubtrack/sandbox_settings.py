"""The project's settings with the stand-in platform's own URLs and nothing that needs a login."""

from hubtrack.settings import *  # noqa: F403

ROOT_URLCONF = "apps.sandbox.urls"
MIDDLEWARE = [
    "apps.core.middleware.RequestIdMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.locale.LocaleMiddleware",
]
# Real platforms share no database with us: after ours was restarted, not one answer may be an error.
DATABASES = {"default": {**DATABASES["default"], "CONN_HEALTH_CHECKS": True}}  # noqa: F405
