"""The stand-in platform's process: the same project, with only the sandbox's URLs."""

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "hubtrack.sandbox_settings"

from django.core.wsgi import get_wsgi_application

django_application = get_wsgi_application()

from apps.core.asgi import BufferedWsgi  # noqa: E402 - needs the settings above
from apps.core.wsgi import WholeBody  # noqa: E402
from apps.sandbox.faults.wire import Unruly  # noqa: E402

application = Unruly(BufferedWsgi(WholeBody(django_application), threads=16))
