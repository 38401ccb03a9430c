"""docs/examples/hubtrack_client.py as a module, though it is in no package, and a hub that answers as it is told."""

import importlib.util
import io
import json
import sys
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

FILE = Path(__file__).resolve().parents[2] / "docs/examples/hubtrack_client.py"


def load_client() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hubtrack_client", FILE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["hubtrack_client"] = module
    spec.loader.exec_module(module)
    return module


client = load_client()


@dataclass
class StandIn:
    """A hub, and the clock and file of a client of its. `troubles` are raised or answered first, one a request."""

    path: Path
    now: float = 1_795_345_200.0
    troubles: list[Any] = field(default_factory=list)
    requests: list[urllib.request.Request] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)
    opened: list[Any] = field(default_factory=list)

    def open(self) -> Any:
        opened = client.Hubtrack(
            "https://hub.example.com/", "sk_1", "sks_1", "pk_1", path=str(self.path), clock=lambda: self.now
        )
        self.opened.append(opened)
        return opened

    def close(self) -> None:
        """All the clients of this file: from Python 3.13 on a connection that is only forgotten is a warning."""
        for opened in self.opened:
            opened.close()

    def urlopen(self, request: urllib.request.Request, timeout: float) -> io.BytesIO:
        self.requests.append(request)
        if self.troubles and (trouble := self.troubles.pop(0)):
            if isinstance(trouble, bytes):
                return io.BytesIO(trouble)
            raise trouble
        events = json.loads(self.bodies[-1])["events"]
        self.taken += events
        return io.BytesIO(json.dumps({"results": [self.answer(event) for event in events]}).encode())

    def answer(self, event: dict[str, Any]) -> dict[str, Any]:
        if event.get("url") == "bad":
            return {"event_id": event["event_id"], "status": "refused", "errors": {"url": "not a page"}}
        return {"event_id": event["event_id"], "status": "recorded"}

    @property
    def bodies(self) -> list[bytes]:
        return [request.data for request in self.requests if isinstance(request.data, bytes)]
