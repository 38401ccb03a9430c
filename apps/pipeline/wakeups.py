"""Wake-ups: messages that say "look", of which at most one for each lane or destination waits in the broker.

A second one would find nothing that the first does not. Redis remembers who was woken and has not begun; where it
forgets, or is gone, one too many is sent, which costs an empty look. A lost one costs `EXPIRES_S` at most.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from celery import Task
from kombu.exceptions import OperationalError

from apps.core.log import get_logger
from apps.core.redis import RedisError, get_redis

EXPIRES_S = 3
log = get_logger(__name__)


class WakeUp(NamedTuple):
    """For a lane, or for one destination of the lane that delivers."""

    task: "Task[Any, Any]"
    destination_id: str = ""

    @property
    def arguments(self) -> tuple[str, ...]:
        return (self.destination_id,) if self.destination_id else ()

    @property
    def key(self) -> str:
        return _key(self.task.name, self.arguments)


class WokenTask(Task[Any, Any]):
    """A task that is woken: once it begins, what comes after may wake it again."""

    abstract = True

    def before_start(self, task_id: str, args: Any, kwargs: Any) -> None:
        with suppress(RedisError):
            get_redis().delete(_key(self.name, args))


def send(wake_ups: Sequence[WakeUp]) -> int:
    """Those of `wake_ups` that do not wait already; how many. Without a broker the rest would be tried in vain."""
    sent = 0
    try:
        for wake_up in _not_waiting(wake_ups):
            wake_up.task.apply_async(args=wake_up.arguments, expires=EXPIRES_S)
            sent += 1
    except OperationalError:
        log.warning("relay.broker_gone", task=wake_up.task.name)
    return sent


def _not_waiting(wake_ups: Sequence[WakeUp]) -> list[WakeUp]:
    try:
        with get_redis().pipeline(transaction=False) as pipeline:
            for wake_up in wake_ups:
                pipeline.set(wake_up.key, "1", nx=True, ex=EXPIRES_S)
            are_new = pipeline.execute()
    except RedisError:
        return list(wake_ups)
    return [wake_up for wake_up, is_new in zip(wake_ups, are_new, strict=True) if is_new]


def _key(task_name: str, arguments: Sequence[str]) -> str:
    return ":".join(["woken", task_name, *arguments])
