"""The web process as the embedded stack and the container run it: the event loop reads, Django answers on threads."""

from apps.core.asgi import BufferedWsgi
from hubtrack.env import env
from hubtrack.wsgi import application as wsgi_application

application = BufferedWsgi(wsgi_application, threads=env.int("WEB_THREADS", default=16))
