"""`python -m tests.payloads FOLDER`: post a folder of captured bodies at the running hub, and print how each was read.

The folder holds `<gateway>/<file>` bodies, an INDEX.md whose tables name the kind expected of each file ("ignored",
"refunded (test)"), and a SIGNATURES.json with the secret of each. The hub is the one that DATABASE_URL and PUBLIC_URL
name (its data directory's `env` file has them); a tenant of its own is made for the run. Exit 1 if any differs.
"""

import json
import os
import re
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hubtrack.settings")

import django

django.setup()

from django.conf import settings  # noqa: E402 - needs Django set up

from apps.conversions.models import Delivery  # noqa: E402
from apps.core.http import OutboundClient  # noqa: E402
from apps.funnels.services import create_funnel  # noqa: E402
from apps.gateways.registry import ADAPTERS  # noqa: E402
from apps.gateways.request import WebhookRequest  # noqa: E402
from apps.tenants.scoping import tenant_scope  # noqa: E402
from apps.tenants.services import create_tenant  # noqa: E402
from tests.gateways.samples import FORM  # noqa: E402

ROW = re.compile(r"\| `(?P<file>[^`]+)` \| (?P<kind>\w+)(?P<test> \(test[^)]*\))? \|")


@dataclass(frozen=True)
class Captured:
    """One body, and what its folder says of it."""

    gateway: str
    path: Path
    kind: str
    is_test: bool
    secret: str


def read_folder(folder: Path) -> Iterator[Captured]:
    signatures = json.loads((folder / "SIGNATURES.json").read_text())
    gateway = ""
    for line in (folder / "INDEX.md").read_text().splitlines():
        gateway = line.removeprefix("## ").strip() if line.startswith("## ") else gateway
        row = ROW.match(line)
        if row and gateway in ADAPTERS:
            proof = signatures.get(f"{gateway}/{row['file']}", {})
            secret = proof.get("secret", "not-needed-by-this-gateway")
            yield Captured(gateway, folder / gateway / row["file"], row["kind"], bool(row["test"]), secret)


def post(captured: Captured, key: str, client: OutboundClient) -> tuple[int, Delivery | None]:
    """The answer's status, and the newest delivery that came of it. Signed anew: a captured signature may be stale."""
    is_form = captured.path.suffix == ".form"
    unsigned = WebhookRequest(
        captured.path.read_bytes().strip(), {"content-type": FORM if is_form else "application/json"}
    )
    verifier, marked = ADAPTERS[captured.gateway].verifier, uuid.uuid4().hex
    in_body = verifier.sign(unsigned, captured.secret, datetime.now(UTC))
    signed = WebhookRequest(unsigned.body, in_body.headers, in_body.query)
    query = f"?{urlencode(signed.query)}" if signed.query else ""
    url = f"{settings.PUBLIC_URL}/api/v1/webhooks/{captured.gateway}/{key}{query}"
    answer = client.request("POST", url, {**signed.headers, "x-request-id": marked}, signed.body)
    return answer.status, Delivery.objects.filter(correlation_id=marked).order_by("pk").first()


def main(folder: Path) -> int:
    captured = list(read_folder(folder))
    secrets = {item.gateway: item.secret for item in captured}
    made = create_tenant(name="Captured payloads", email=f"{uuid.uuid4().hex}@example.com")
    client, failed = OutboundClient(allow_loopback=True, read_timeout=10.0), 0
    with tenant_scope(made.tenant.pk):
        endpoints = [{"gateway": gateway, "secret": secret} for gateway, secret in secrets.items()]
        funnel = create_funnel({"name": "Captured", "endpoints": endpoints})
        keys = dict(funnel.endpoints.values_list("gateway", "key"))
        for item in captured:
            status, delivery = post(item, keys[item.gateway], client)
            read, fact = (delivery.kind, delivery.fact) if delivery else ("nothing", None)
            is_test = bool(fact and fact.get("is_test"))
            # A message without an order of its own has no fact, and so no mark.
            alike = status == 202 and read == item.kind and (fact is None or is_test == item.is_test)
            failed += not alike
            expected = f"{item.kind}{' (test)' if item.is_test else ''}"
            told = f"{read}{' (test)' if is_test else ''}"
            print(f"{'ok  ' if alike else 'FAIL'} {item.gateway:<11}{item.path.name:<52}{expected:<32}{status} {told}")
    print(f"{len(captured) - failed} of {len(captured)} read as expected")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
