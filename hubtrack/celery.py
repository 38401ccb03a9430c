"""The Celery application; tasks live in apps.pipeline.tasks."""

import gc
import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hubtrack.settings")

app = Celery("hubtrack")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["apps.pipeline"])

# A batch holds some ten thousand objects until its end. Python would walk through them every 700, and every so often
# through all that is loaded: a quarter of the time that matching takes.
gc.set_threshold(50_000, 20, 20)
