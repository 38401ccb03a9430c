"""Celery's consumer without delayed tasks, which the hub never sends (docs/adr/0001)."""

from celery.worker import consumer


class Consumer(consumer.Consumer):
    """On RabbitMQ, Celery's own sets up 28 queues and as many exchanges for delays."""

    class Blueprint(consumer.Consumer.Blueprint):  # type: ignore[misc,valid-type]
        """The steps of its start."""

        default_steps = [  # noqa: RUF012 - as the base class has it
            step for step in consumer.Consumer.Blueprint.default_steps if "delayed_delivery" not in step
        ]
