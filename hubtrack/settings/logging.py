"""Structured logs, one JSON object a line; apps.core.log holds the allow-list of what may appear in them."""

from apps.core.log import logging_config
from hubtrack.env import env

LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOGGING = logging_config(level=LOG_LEVEL, pretty=env.bool("LOG_PRETTY", default=False))
