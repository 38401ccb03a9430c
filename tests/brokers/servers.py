"""Real brokers, each a process of this run's own: started on a free port, killed, frozen, emptied, and ended.

Nothing of the system's is used: RabbitMQ has its own node name, data, cookie and port mapper (epmd).
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import amqp
import boto3
import psutil
import redis
from botocore.config import Config

from hubtrack.settings.brokers import MAX_DELIVERIES, QUEUES, dead_letter_name
from hubtrack.stack import probes
from hubtrack.stack.redis_server import find_redis_server
from tests.e2e.hub import free_port

START_PATIENCE = 90.0
# Debian's own name on the PATH wants another account and the system's data; the program behind it does not.
DEBIAN_RABBITMQ = "/usr/lib/rabbitmq/bin/rabbitmq-server"


class BrokerServer(ABC):
    """One server process; `environment` is what makes the hub use it, and nothing else of the hub changes."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def environment(self) -> dict[str, str]: ...

    @abstractmethod
    def _command(self) -> list[str]: ...

    @abstractmethod
    def _answers(self) -> bool: ...

    @abstractmethod
    def waiting(self, queue: str) -> int:
        """Messages that wait in `queue`, or were delivered and are not acknowledged."""

    @abstractmethod
    def put_garbage(self, queue: str) -> None:
        """Something that no program of ours would send."""

    def start(self) -> None:
        with (self.directory / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command(),
                cwd=self.directory,
                env={**os.environ, **self._process_environment()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_PATIENCE
        while not self._answers():
            assert self._process.poll() is None, (self.directory / "server.log").read_text()[-3000:]
            assert time.monotonic() < deadline, f"{type(self).__name__} does not answer"
            time.sleep(0.1)
        self.prepare()

    def kill(self) -> None:
        """With SIGKILL, everything it started included."""
        assert self._process is not None
        below = psutil.Process(self._process.pid).children(recursive=True)
        for process in [*below, psutil.Process(self._process.pid)]:
            process.kill()
        psutil.wait_procs(below, timeout=5)
        self._process.wait()

    def freeze(self) -> None:
        """It keeps its connections, and answers nobody."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def end(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.thaw()
            self.kill()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _process_environment(self) -> dict[str, str]:
        return {}

    def prepare(self) -> None:  # noqa: B027 - nothing, but on SQS
        """What an operator does once, where the hub does not do it by itself."""


class RedisServer(BrokerServer):
    """Without persistence, as the embedded one."""

    @property
    def environment(self) -> dict[str, str]:
        return {"CELERY_BROKER_URL": f"redis://127.0.0.1:{self.port}/1"}

    @property
    def client(self) -> "redis.Redis":
        return redis.Redis.from_url(self.environment["CELERY_BROKER_URL"], socket_timeout=2, decode_responses=True)

    def waiting(self, queue: str) -> int:
        return self.client.llen(f"hub:{queue}") + self.client.hlen("hub:unacked")

    def put_garbage(self, queue: str) -> None:
        self.client.lpush(f"hub:{queue}", "this is no JSON")

    def _command(self) -> list[str]:
        return [
            find_redis_server(),
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]

    def _answers(self) -> bool:
        return probes.redis_answers(self.environment["CELERY_BROKER_URL"])


class SqsServer(BrokerServer):
    """moto's server, which forgets everything at its end. Its queues are made as docs/brokers.md has it, but faster."""

    _PREFIX = "hubtrack-"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "CELERY_BROKER_URL": f"sqs://testing:testing@127.0.0.1:{self.port}",
            "SQS_QUEUE_URL_PREFIX": f"{self.url}/123456789012/{self._PREFIX}",
        }

    @property
    def client(self) -> Any:
        return boto3.client(
            "sqs",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            config=Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1}),
        )

    def waiting(self, queue: str) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.client.get_queue_attributes(QueueUrl=self._queue_url(queue), AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    def put_garbage(self, queue: str) -> None:
        self.client.send_message(QueueUrl=self._queue_url(queue), MessageBody="this is no JSON")

    def lose_queues(self) -> None:
        for name in QUEUES:
            self.client.delete_queue(QueueUrl=self._queue_url(name))

    def _queue_url(self, queue: str) -> str:
        return self.environment["SQS_QUEUE_URL_PREFIX"] + queue

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(self.port)]

    def _answers(self) -> bool:
        return probes.accepts("127.0.0.1", self.port)

    def prepare(self) -> None:
        account = "arn:aws:sqs:us-east-1:123456789012"
        for name in QUEUES:
            dead = self._PREFIX + dead_letter_name(name)
            self.client.create_queue(QueueName=dead)
            redrive = f'{{"deadLetterTargetArn": "{account}:{dead}", "maxReceiveCount": "{MAX_DELIVERIES}"}}'
            attributes = {"VisibilityTimeout": "3", "RedrivePolicy": redrive}
            self.client.create_queue(QueueName=self._PREFIX + name, Attributes=attributes)


class RabbitServer(BrokerServer):
    """The system's RabbitMQ program as a private node that keeps its data in `directory`."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._epmd_port = free_port()
        self._epmd: subprocess.Popen[bytes] | None = None

    @staticmethod
    def program() -> str | None:
        return shutil.which(DEBIAN_RABBITMQ) or shutil.which("rabbitmq-server")

    @property
    def environment(self) -> dict[str, str]:
        return {"CELERY_BROKER_URL": f"amqp://guest:guest@127.0.0.1:{self.port}//"}

    def waiting(self, queue: str) -> int:
        """Only those that are not with a worker: AMQP does not tell of others."""
        with self._connect() as connection:
            declared = connection.channel().queue_declare(queue, passive=True)
        assert declared is not None
        return int(declared[1])

    def put_garbage(self, queue: str) -> None:
        with self._connect() as connection:
            connection.channel().basic_publish(amqp.Message("this is no JSON"), exchange="", routing_key=queue)

    def start(self) -> None:
        if self._epmd is None:
            self._epmd = subprocess.Popen(
                [str(shutil.which("epmd")), "-port", str(self._epmd_port), "-address", "127.0.0.1"]
            )
        (self.directory / "rabbitmq.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{self.port}\n")
        (self.directory / "enabled_plugins").write_text("[].\n")
        super().start()

    def end(self) -> None:
        super().end()
        if self._epmd is not None:
            self._epmd.kill()
            self._epmd.wait()

    def _command(self) -> list[str]:
        return [str(self.program())]

    def _process_environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.directory),
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"hubtrack{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_CONF_ENV_FILE": str(self.directory / "none"),
            "RABBITMQ_CONFIG_FILE": str(self.directory / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.directory / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.directory / "data"),
            "RABBITMQ_LOG_BASE": str(self.directory / "log"),
            # The script then becomes the server, instead of waiting beside it.
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    def _answers(self) -> bool:
        try:
            with self._connect():
                return True
        except (OSError, amqp.AMQPError):
            return False

    def _connect(self) -> "amqp.Connection":
        return amqp.Connection(f"127.0.0.1:{self.port}", "guest", "guest", connect_timeout=2, read_timeout=5)
