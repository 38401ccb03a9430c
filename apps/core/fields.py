"""Model fields whose content the database never sees in clear."""

from typing import Any

from django.db import models

from apps.core.crypto import decrypt, encrypt


class EncryptedBytesField(models.BinaryField):  # type: ignore[type-arg]
    """Bytes in Python, a Fernet token in the database. Cannot be searched; never shown in admin."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["editable"] = False
        super().__init__(*args, **kwargs)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        token = None if value is None else encrypt(self._to_bytes(value))
        return super().get_db_prep_value(token, connection, prepared)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return None if value is None else self._from_bytes(decrypt(bytes(value)))

    def _to_bytes(self, value: Any) -> bytes:
        return bytes(value)

    def _from_bytes(self, clear: bytes) -> Any:
        return clear


class EncryptedTextField(EncryptedBytesField):
    """The same for text: endpoint secrets and access tokens."""

    def _to_bytes(self, value: Any) -> bytes:
        return str(value).encode()

    def _from_bytes(self, clear: bytes) -> Any:
        return clear.decode()
