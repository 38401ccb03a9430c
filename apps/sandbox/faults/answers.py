"""What an ill-treated sender hears. Pure.

A fault either stands in the place of the ordinary answer, or comes after it: the events were taken, and what is said of
it is late, lost, cut short or wrong.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from apps.sandbox.faults.script import Fault, Kind
from apps.sandbox.faults.wire import Wire
from apps.sandbox.meta.refusals import Refusal, answer_refusal
from apps.sandbox.tiktok.refusals import Refusal as TrackRefusal
from apps.sandbox.tiktok.refusals import answer_track

_PAGE = b"<!DOCTYPE html><html><head><title>Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"
_MESSAGE = "A fault that a script asked for."
_PARTIAL = 20001
_TIKTOK = "tiktok"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the platform says: an HTTP status and a JSON object, or `raw` in its place."""

    status: int
    body: Mapping[str, object]
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    wire: Wire = field(default_factory=Wire)


def ill_treat(fault: Fault, ordinary: Answer, platform: str, trace_id: str) -> Answer:
    """The answer in place of `ordinary`."""
    wire = _wire_of(fault)
    if fault.kind in (Kind.STALL, Kind.DRIP, Kind.RESET, Kind.ANSWER_LOST):
        told = ordinary if fault.accepted else Answer(status=503, body={}, raw=b"")
        return Answer(status=told.status, body=told.body, headers=fault.headers, raw=told.raw, wire=wire)
    status = ordinary.status if fault.kind is Kind.FEWER else fault.status
    return Answer(
        status=status, body=_body_of(fault, ordinary, platform, trace_id), headers=fault.headers, raw=_raw_of(fault)
    )


def _wire_of(fault: Fault) -> Wire:
    return Wire(
        stall_s=fault.seconds if fault.kind is Kind.STALL else 0.0,
        drip_s=fault.seconds if fault.kind is Kind.DRIP else 0.0,
        is_cut=fault.kind in (Kind.RESET, Kind.ANSWER_LOST),
    )


def _body_of(fault: Fault, ordinary: Answer, platform: str, trace_id: str) -> Mapping[str, object]:
    if fault.kind is Kind.ERROR and platform == _TIKTOK:
        return answer_track(TrackRefusal(code=fault.code or 0, message=_MESSAGE), trace_id)
    if fault.kind is Kind.ERROR:
        return answer_refusal(
            Refusal(
                message=_MESSAGE,
                code=1 if fault.code is None else fault.code,
                subcode=fault.subcode,
                is_transient=fault.is_transient,
            ),
            trace_id,
        )
    if fault.kind is Kind.NO_COUNT:
        return {name: value for name, value in ordinary.body.items() if name not in ("events_received", "code")}
    if fault.kind is Kind.FEWER and platform == _TIKTOK:
        return {**ordinary.body, "code": _PARTIAL}
    return ordinary.body


def _raw_of(fault: Fault) -> bytes | None:
    if fault.kind is Kind.STATUS:
        return b""
    if fault.kind is Kind.HTML:
        return _PAGE
    if fault.kind is Kind.GARBAGE:
        return b'{"events_received": 1, "mess'
    if fault.kind is Kind.HUGE:
        return json.dumps({"messages": ["x" * 1_000_000] * fault.megabytes, "events_received": 1}).encode()
    return None
