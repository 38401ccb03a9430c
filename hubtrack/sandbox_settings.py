"""The project's settings with the stand-in platform's own URLs and nothing that needs a login."""

from hubtrack.settings import *  # noqa: F403

ROOT_URLCONF = "apps.sandbox.urls"
MIDDLEWARE = [
    "apps.core.middleware.RequestIdMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.locale.LocaleMiddleware",
]
