"""The web process."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hubtrack.settings")
django_application = get_wsgi_application()

from apps.core.wsgi import WholeBody  # noqa: E402 - needs the settings above
from apps.pipeline.front import WebhookFront  # noqa: E402

application = WholeBody(WebhookFront(django_application))
