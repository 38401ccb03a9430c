"""The web process as the embedded stack and the container run it: the event loop reads, Django answers on threads."""

from hubtrack.env import env
from hubtrack.wsgi import application as wsgi_application

from apps.core.asgi import BufferedWsgi  # isort: skip - needs Django set up by the import above
from apps.pipeline.shortcut import WebhookShortcut  # isort: skip

application = BufferedWsgi(
    wsgi_application, threads=env.int("WEB_THREADS", default=16), shortcut=WebhookShortcut().answer
)
