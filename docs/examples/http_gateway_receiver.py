"""Receive what a hubtrack hub posts to your own server: each request proved, each event kept once, answered at once.

Python 3.9 or later, nothing to install; ../http-gateway.md describes what travels. Put it behind your web server's TLS:

    HUBTRACK_SECRET='<the destination's access token>' python http_gateway_receiver.py 8080 events.sqlite3
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import sqlite3
import sys
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CLOCKS_APART_S = 300
LARGEST = 8 * 1024 * 1024


def is_authentic(secret: str, header: str, body: bytes, now: float) -> bool:
    """Whether the holder of the secret signed these very bytes, and did so just now."""
    parts = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    signed = f"{parts.get('t', '')}.".encode() + body
    expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), parts.get("v1", "").encode()):
        return False
    return abs(now - int(parts["t"])) <= CLOCKS_APART_S


def why_refused(event: dict[str, Any]) -> str:
    """Your own rules: a short word for why you will never want this event, or "" to take it."""
    return ""  # perhaps: "other_currency" if event.get("currency", "BRL") != "BRL" else ""


def keep(path: str, events: list[dict[str, Any]]) -> list[str]:
    """Write all of them, and let a second program work on them; the ids of those that were here before."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE IF NOT EXISTS event (id TEXT PRIMARY KEY, event TEXT NOT NULL)")
        insert = "INSERT INTO event VALUES (?, ?) ON CONFLICT (id) DO NOTHING"
        rows = [(event["event_id"], json.dumps(event)) for event in events]
        return [row[0] for row in rows if database.execute(insert, row).rowcount == 0]


class Receiver(BaseHTTPRequestHandler):
    """Answers a request only when its events are on the disk."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        if length > LARGEST:
            self.close_connection = True
            return self.answer(413, {})
        body = self.rfile.read(length)
        signature = self.headers.get("X-Hubtrack-Signature", "")
        if not is_authentic(os.environ["HUBTRACK_SECRET"], signature, body, time.time()):
            return self.answer(401, {})
        events = json.loads(body)["events"]
        refused = {event["event_id"]: why for event in events if (why := why_refused(event))}
        duplicates = keep(sys.argv[2], [event for event in events if event["event_id"] not in refused])
        rejected = [{"event_id": event_id, "reason": why} for event_id, why in refused.items()]
        return self.answer(200, {"duplicates": duplicates, "rejected": rejected})

    def answer(self, status: int, told: dict[str, Any]) -> None:
        raw = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
