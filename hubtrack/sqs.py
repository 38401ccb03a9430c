"""kombu's SQS with one thing put right; imported on SQS only, since boto is slow to load."""

from botocore.exceptions import ClientError
from kombu.transport import SQS


class Transport(SQS.Transport):
    """An SQS that refuses is a broker that is gone: otherwise one 503 or a lost permission would end the relay."""

    connection_errors = (*SQS.Transport.connection_errors, ClientError)
