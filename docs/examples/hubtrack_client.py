"""Send a shop's page events to a hubtrack hub from its own server: buffered, enriched, and each of them once.

Python 3.9 or later, nothing to install. Copy this file; ../events-batch.md describes what travels.

    hub = Hubtrack(url, key_id, secret, public_key, path="hubtrack.sqlite3")
    hub.track("visit-42", "pageview", url="https://shop.example.com/", ip=visitor_ip, user_agent=visitor_user_agent)
    hub.identify("visit-42", email="ana@example.com")     # puts her on all of the visit that has not been sent
    hub.flush()                                           # every few seconds, in one background thread or process

A visitor's events wait, so that an identity given later still reaches them: until `identify` or `purchase`, 30 minutes
without activity, 4 hours at most, or 1,000 events. They wait in an SQLite file: what `track` has returned from is on
the disk, and what the hub has not answered is sent again with the same event ids, which the hub records once.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import logging
import os
import random
import re
import sqlite3
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable
from typing import Any

IDLE_S = 30 * 60
LONGEST_S = 4 * 3600
BATCH_EVENTS = 1000
BATCH_BYTES = 900_000  # The hub accepts 1 MiB.
SLOWEST_S = 300.0
_TABLES = """
CREATE TABLE IF NOT EXISTS visitor (id TEXT PRIMARY KEY, user TEXT NOT NULL, seen_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS waiting (
    number INTEGER PRIMARY KEY, visitor TEXT NOT NULL, at REAL NOT NULL, event TEXT NOT NULL, due INTEGER DEFAULT 0);
"""
_SEEN = """
INSERT INTO visitor (id, user, seen_at) VALUES (?, ?, ?)
ON CONFLICT (id) DO UPDATE SET user = json_patch(user, excluded.user), seen_at = excluded.seen_at
"""
# Oldest first, with what is known of the visitor by now.
_DUE = """
SELECT w.number, w.event, v.id, v.user FROM waiting w JOIN visitor v ON v.id = w.visitor
WHERE w.due OR v.seen_at <= :now - :idle OR (SELECT count(*) FROM waiting) >= :many
   OR (SELECT min(o.at) FROM waiting o WHERE o.visitor = v.id) <= :now - :longest
ORDER BY w.number LIMIT :many
"""
Row = tuple[int, str, str, str]
log = logging.getLogger("hubtrack")


class TryAgain(Exception):
    """The hub took nothing; `after_s` is when it wants to be asked again, 0 if it did not say."""

    def __init__(self, reason: str, after_s: float = 0) -> None:
        super().__init__(reason)
        self.after_s = after_s


def hash_email(address: str) -> str:
    """SHA-256 of the address in lower case; raises ValueError for what is none."""
    plain = address.strip().lower()
    if not re.fullmatch(r"[^\s@]+@[^\s@]+\.[^\s@]+", plain):
        raise ValueError("This is not an e-mail address.")
    return hashlib.sha256(plain.encode()).hexdigest()


def hash_phone(number: str) -> dict[str, str]:
    """Meta's hash (digits) and TikTok's (with the plus); raises ValueError where plus and country code are missing."""
    plain = re.sub(r"[\s().-]", "", number)
    if not re.fullmatch(r"\+[1-9][0-9]{7,14}", plain):
        raise ValueError("Write the phone with a plus and its country code.")
    ph, ph_e164 = (hashlib.sha256(form.encode()).hexdigest() for form in (plain[1:], plain))
    return {"ph": ph, "ph_e164": ph_e164}


class Hubtrack:
    """Many threads or processes may track into the same file, each with a Hubtrack of its own; let one flush."""

    def __init__(
        self, url: str, key_id: str, secret: str, public_key: str, *, path: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._url, self._key_id, self._secret, self._public_key = url.rstrip("/"), key_id, secret, public_key
        self._clock = clock
        self._failures, self._rest_until = 0, 0.0
        self._db = sqlite3.connect(path, timeout=30)
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(_TABLES)

    def track(self, visitor: str, event_name: str, *, event_id: str = "", **fields: Any) -> str:
        """Keep one event of a visitor and return its id. `visitor` is your session id, up to 32 characters."""
        now, event_id = self._clock(), event_id or str(uuid.uuid4())
        event = {"event_id": event_id, "event_name": event_name, "event_time": now, **fields}
        with self._db:
            self._db.execute(_SEEN, [visitor, json.dumps(fields.get("user", {})), now])
            self._db.execute(
                "INSERT INTO waiting (visitor, at, event) VALUES (?, ?, ?)", [visitor, now, json.dumps(event)]
            )
        return event_id

    def identify(self, visitor: str, *, email: str = "", phone: str = "", external_id: str = "") -> str:
        """Say who the visitor is, hashed here, and send what waits for them with the next flush."""
        user = {"em": hash_email(email)} if email else {}
        user.update(hash_phone(phone) if phone else {})
        if external_id:
            user["external_id"] = hashlib.sha256("".join(external_id.lower().split()).encode()).hexdigest()
        event_id = self.track(visitor, "identify", user=user)
        self.purchase(visitor)
        return event_id

    def purchase(self, visitor: str) -> None:
        """Send what waits for them with the next flush. The sale itself comes from the gateway or the orders API."""
        with self._db:
            self._db.execute("UPDATE waiting SET due = 1 WHERE visitor = ?", [visitor])

    def flush(self) -> int:
        """Send all that is due; how many events the hub has answered. Never raises for what another try may mend."""
        answered = 0
        while self._clock() >= self._rest_until and (rows := self._due_rows()):
            try:
                results = self._post(self._batch_of(rows))
            except TryAgain as trouble:
                pause = min(SLOWEST_S, 2.0**self._failures) * random.uniform(0.5, 1)  # noqa: S311 - no secret
                self._failures = min(self._failures + 1, 10)
                self._rest_until = self._clock() + max(pause, trouble.after_s)
                log.warning("The hub took nothing, %d events wait: %s", self.waiting(), trouble)
                break
            self._failures = 0
            self._forget(rows)
            answered += len(rows)
            for result in results:
                if result["status"] == "refused":
                    log.error("The hub refused event %s: %s", result["event_id"], result["errors"])
        return answered

    def waiting(self) -> int:
        """How many events the hub has not answered yet."""
        return int(self._db.execute("SELECT count(*) FROM waiting").fetchone()[0])

    def _due_rows(self) -> list[Row]:
        """The next batch's rows, as many as its bytes allow."""
        rows: list[Row] = []
        size = 0
        asked = {"now": self._clock(), "idle": IDLE_S, "longest": LONGEST_S, "many": BATCH_EVENTS}
        for row in self._db.execute(_DUE, asked).fetchall():
            size += len(row[1]) + len(row[3]) + 200
            if rows and size > BATCH_BYTES:
                break
            rows.append(row)
        return rows

    def _batch_of(self, rows: list[Row]) -> bytes:
        events = [
            {"public_key": self._public_key, "session_id": visitor, **json.loads(event), "user": json.loads(user)}
            for _number, event, visitor, user in rows
        ]
        return json.dumps({"events": events}).encode()

    def _post(self, body: bytes) -> list[dict[str, Any]]:
        """The answer on each event. Signed anew each time: a signature is good for five minutes."""
        stamp = str(int(time.time()))
        digest = hmac.new(self._secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        headers = {"X-Hubtrack-Key": self._key_id, "X-Hubtrack-Timestamp": stamp, "Content-Type": "application/json"}
        headers["X-Hubtrack-Signature"] = f"v1={digest}"
        request = urllib.request.Request(f"{self._url}/api/v1/events/batch", body, headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - the address is the owner's
                results: list[dict[str, Any]] = json.load(answer)["results"]
                return results
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            after = str(getattr(error, "headers", {}).get("Retry-After", ""))
            raise TryAgain(f"{type(error).__name__} {error}", float(after) if after.isdigit() else 0) from error

    def _forget(self, rows: list[Row]) -> None:
        """What was answered, and visitors who are long gone and have nothing left to be put on."""
        with self._db:
            self._db.executemany("DELETE FROM waiting WHERE number = ?", [row[:1] for row in rows])
            gone = "DELETE FROM visitor WHERE seen_at <= ? AND id NOT IN (SELECT visitor FROM waiting)"
            self._db.execute(gone, [self._clock() - LONGEST_S])

    def close(self) -> None:
        """What waits stays in the file."""
        self._db.close()


if __name__ == "__main__":
    NAMES = ("HUBTRACK_URL", "HUBTRACK_KEY", "HUBTRACK_SECRET", "HUBTRACK_PUBLIC_KEY")
    if missing := [name for name in NAMES if not os.environ.get(name)]:
        sys.exit(f"Set {', '.join(missing)} first.")
    logging.basicConfig(level=logging.INFO)
    hub = Hubtrack(*(os.environ[name] for name in NAMES), path=os.environ.get("HUBTRACK_FILE", "hubtrack.sqlite3"))
    visit, page = uuid.uuid4().hex, "https://shop.example.com/offer"
    hub.track(visit, "pageview", url=page, ip="203.0.113.7", user_agent="Mozilla/5.0 (Linux; Android 15)")
    hub.track(visit, "initiate_checkout", url=f"{page}/checkout", data={"value": "197.00", "currency": "BRL"})
    hub.identify(visit, email="Ana@Example.com", phone="+55 11 98765-4321")
    sent, left = hub.flush(), hub.waiting()
    hub.close()
    log.info("sent %d, waiting %d", sent, left)
    sys.exit(left > 0)
