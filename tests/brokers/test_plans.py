"""What each broker is told: by the scheme of its URL alone, and never a call or a delay without bound."""

import ssl

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from celery import current_app
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from kombu import Connection

from apps.pipeline import tasks
from hubtrack import sqs
from hubtrack.consumer import Consumer
from hubtrack.settings.brokers import QUEUES, QueueWithDeadLetters, dead_letter_name, plan_broker

PREFIX = "https://sqs.sa-east-1.amazonaws.com/123456789012/hubtrack-"


@pytest.mark.parametrize("url", ["memory://", "redis+socket:///tmp/redis", "kafka://k:9092", "", "nonsense"])
def test_a_broker_that_nobody_speaks_with_is_named_at_the_start(url: str) -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        plan_broker(url)

    assert str(refused.value) == (
        f"CELERY_BROKER_URL begins with {url.partition('://')[0]!r}, which is no broker that hubtrack speaks with: "
        "use redis://, rediss://, sqs://, amqp://, amqps:// (docs/brokers.md)."
    )


def test_the_refusal_does_not_repeat_a_password() -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        plan_broker("redi://user:p4ssword@host")

    assert "p4ssword" not in str(refused.value)


@pytest.mark.parametrize("prefix", ["", "hubtrack-", "arn:aws:sqs:us-east-1:123456789012:hubtrack-"])
def test_sqs_without_the_addresses_of_its_queues_is_explained(prefix: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="SQS_QUEUE_URL_PREFIX must be what the addresses"):
        plan_broker("sqs://", sqs_queue_url_prefix=prefix)


@pytest.mark.parametrize("url", ["redis://h/1", "rediss://h/1", "sqs://", "amqp://u:p@h/v", "amqps://u:p@h/v"])
def test_the_queues_are_the_same_everywhere(url: str) -> None:
    plan = plan_broker(url, sqs_queue_url_prefix=PREFIX)

    assert [(queue.name, queue.routing_key, queue.exchange.name) for queue in plan.queues] == [
        (name, name, name) for name in ("ingest-events", "match-events", "capi-dispatch")
    ]
    assert plan.transport_options["max_retries"] == 1


def test_every_queue_of_sqs_is_a_known_address() -> None:
    options = plan_broker("sqs://", sqs_queue_url_prefix=PREFIX).transport_options

    assert options["predefined_queues"] == {name: {"url": PREFIX + name} for name in QUEUES}
    assert options["is_secure"] is True


@pytest.mark.parametrize(
    ("prefix", "region"),
    [
        (PREFIX, "sa-east-1"),
        ("https://vpce-0a1b-2c3d.sqs.us-east-1.vpce.amazonaws.com/123456789012/", "us-east-1"),
        ("https://sqs.cn-north-1.amazonaws.com.cn/123456789012/", "cn-north-1"),
        ("http://127.0.0.1:5000/123456789012/", None),
    ],
)
def test_the_region_is_read_from_the_address(prefix: str, region: str | None) -> None:
    assert plan_broker("sqs://", sqs_queue_url_prefix=prefix).transport_options["region"] == region


def test_a_stand_in_for_sqs_may_speak_plain_http() -> None:
    plan = plan_broker("sqs://a:b@127.0.0.1:5000", sqs_queue_url_prefix="http://127.0.0.1:5000/1/")

    assert plan.transport_options["is_secure"] is False


def test_receiving_from_sqs_ends_before_kombu_cuts_the_call() -> None:
    assert plan_broker("sqs://", sqs_queue_url_prefix=PREFIX).transport_options["wait_time_seconds"] < 20


def test_a_refusal_by_sqs_counts_as_a_broker_that_is_gone() -> None:
    plan = plan_broker("sqs://", sqs_queue_url_prefix=PREFIX)

    with Connection("sqs://", transport=plan.transport, transport_options=dict(plan.transport_options)) as connection:
        assert connection.transport_cls == plan.transport
        assert {ClientError, BotoCoreError} <= set(connection.recoverable_connection_errors)
    assert sqs.Transport.driver_type == "sqs"


def test_nobody_can_ask_a_worker_through_sqs() -> None:
    asks = {
        url: plan_broker(url, sqs_queue_url_prefix=PREFIX).has_remote_control
        for url in ("redis://h", "amqp://h", "sqs://")
    }

    assert asks == {"redis://h": True, "amqp://h": True, "sqs://": False}


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("rediss://h/0", {"ssl_cert_reqs": ssl.CERT_REQUIRED}),
        ("amqps://u:p@h/v", {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": None}),
        ("redis://h/0", False),
        ("amqp://u:p@h/v", False),
    ],
)
def test_tls_always_looks_at_the_certificate(url: str, options: object) -> None:
    """kombu's own default for rediss:// takes any."""
    assert plan_broker(url).use_ssl == options


@pytest.mark.parametrize("name", QUEUES)
def test_a_queue_of_rabbitmq_is_replicated_and_gives_up_after_five_deliveries(name: str) -> None:
    (queue,) = [queue for queue in plan_broker("amqp://h").queues if queue.name == name]

    assert isinstance(queue, QueueWithDeadLetters)
    assert queue.queue_arguments == {
        "x-queue-type": "quorum",
        "x-delivery-limit": 4,
        "x-dead-letter-exchange": "hubtrack.dead-letters",
    }
    assert dead_letter_name(name) == f"{name}-dlq"


def test_rabbitmq_confirms_what_it_takes_and_never_holds_a_sender() -> None:
    plan = plan_broker("amqp://h")

    assert plan.transport_options["confirm_publish"] is True
    assert (plan.transport_options["read_timeout"], plan.transport_options["write_timeout"]) == (5, 5)
    assert plan.heartbeat_s == 20


def test_what_the_environment_says_is_what_celery_is_told() -> None:
    plan = plan_broker(settings.CELERY_BROKER_URL)

    assert current_app.conf.broker_transport_options == plan.transport_options
    assert current_app.conf.worker_enable_remote_control is plan.has_remote_control
    assert set(current_app.amqp.queues) == set(QUEUES)
    assert (current_app.conf.task_acks_late, current_app.conf.worker_prefetch_multiplier) == (True, 1)
    assert current_app.conf.worker_consumer == "hubtrack.consumer:Consumer"


def test_a_worker_sets_up_nothing_for_delays() -> None:
    steps = Consumer.Blueprint.default_steps

    assert not [step for step in steps if "delay" in step]
    assert "celery.worker.consumer.tasks:Tasks" in steps


@pytest.mark.parametrize("name", list(settings.CELERY_BEAT_SCHEDULE))
def test_a_periodic_task_does_not_wait_for_ever(name: str) -> None:
    entry = settings.CELERY_BEAT_SCHEDULE[name]

    assert hasattr(tasks, entry["task"].removeprefix("apps.pipeline.tasks."))
    assert 0 < entry["options"]["expire_seconds"] <= 3600
