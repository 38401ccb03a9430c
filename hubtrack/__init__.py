"""The composition root: settings, URLs, the WSGI and Celery applications. Imports apps; no app imports it."""
