"""The web process as the embedded stack and the container run it: bodies read by the event loop, Django on threads."""

from hubtrack.env import env
from hubtrack.wsgi import application as wsgi_application

from apps.core.asgi import BufferedWsgi

application = BufferedWsgi(wsgi_application, threads=env.int("WEB_THREADS", default=32))
