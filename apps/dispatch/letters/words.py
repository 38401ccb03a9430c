"""Why a dead letter was left alone, and the names of queues, in words."""

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrPromise

from apps.dispatch.letters.filters import Queue
from apps.dispatch.letters.obstacles import Obstacle

QUEUE_NAMES: Mapping[Queue, StrPromise] = {
    Queue.DISPATCH: _("Events for the ad platforms"),
    Queue.MATCH: _("Sales to be matched"),
    Queue.INGEST: _("Deliveries of gateways"),
}
_OBSTACLES: Mapping[Obstacle, StrPromise] = {
    Obstacle.REFUSED: _("These people refused ads: nothing of theirs is sent."),
    Obstacle.UNASKED: _("Nobody knows whether these people agree to ads, and the funnel sends only after a yes."),
    Obstacle.TOO_LATE: _("Too old: the platform takes nothing from before 7 days ago."),
    Obstacle.UNSURE: _("It may have arrived: to send it all the same, insist on it (force)."),
    Obstacle.MOVED_ON: _("No dead letter any more when its turn came: somebody else had it sent, or it was decided."),
}


def explain_obstacle(word: str) -> str:
    return str(_OBSTACLES[Obstacle(word)])
