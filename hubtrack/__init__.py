"""The composition root: settings, URLs, the WSGI and Celery applications. Imports apps; no app imports it."""

from hubtrack.celery import app as celery_app

__all__ = ["celery_app"]
