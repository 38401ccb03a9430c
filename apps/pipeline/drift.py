"""Notices of fields that a gateway began to send. They stop nothing: the sale is read all the same."""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import Error

from apps.conversions.services import note_drift
from apps.core.log import get_logger
from apps.core.remember import Remembered
from apps.funnels.selectors import LiveEndpoint
from apps.gateways.base import Adapter
from apps.gateways.contract import contract_of
from apps.gateways.errors import PayloadError
from apps.gateways.request import WebhookRequest

# What else a body may hold in the version's place is not kept.
_VERSION = re.compile(r"[A-Za-z0-9_.-]{1,40}")
_NOTED_S = 60.0
log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class NewField:
    """One unknown path, and the version of the format that its body names (empty when it names none)."""

    version: str
    path: str


_noted: Remembered[tuple[uuid.UUID, str, NewField], bool] = Remembered(seconds=_NOTED_S)


def find_drift(adapter: Adapter, endpoint: LiveEndpoint, request: WebhookRequest) -> list[NewField]:
    """The unknown fields of a readable body that this process has not noted within the last minute."""
    contract = contract_of(adapter)
    found = []
    for message in adapter.messages(request):
        paths = contract.new_fields(message.value)
        version = _version(adapter, request) if paths else ""
        found += [NewField(version, path) for path in paths]
    return [item for item in found if not _noted.recall((endpoint.tenant_id, endpoint.gateway, item))]


def keep_notices(endpoint: LiveEndpoint, fields: Sequence[NewField]) -> None:
    """The sale is stored by now, so a database that fails here costs the notice only."""
    if not fields:
        return
    try:
        note_drift(endpoint.tenant_id, endpoint.gateway, {(item.version, item.path) for item in fields})
    except Error as error:
        log.warning("drift.not_noted", gateway=endpoint.gateway, error_type=type(error).__name__)
        return
    for item in fields:
        _noted.keep((endpoint.tenant_id, endpoint.gateway, item), True)


def forget_noted() -> None:
    _noted.forget()


def _version(adapter: Adapter, request: WebhookRequest) -> str:
    if adapter.version_path is None:
        return ""
    try:
        version = request.payloads()[0].maybe_identifier(adapter.version_path) or ""
    except PayloadError:
        return ""
    return version if _VERSION.fullmatch(version) else ""
