"""The stand-in platform's process: the same project, with only the sandbox's URLs."""

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "hubtrack.sandbox_settings"

from django.core.wsgi import get_wsgi_application

from apps.core.wsgi import WholeBody

application = WholeBody(get_wsgi_application())
