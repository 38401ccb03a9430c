"""System checks: a wrong setting is named at start-up, not at first use."""

from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured

from apps.core.crypto import decrypt, encrypt


@register()
def check_secret_keys(**kwargs: Any) -> list[CheckMessage]:
    try:
        decrypt(encrypt(b"probe"))
    except ImproperlyConfigured as error:
        return [Error(str(error), id="hubtrack.E001")]
    return []
