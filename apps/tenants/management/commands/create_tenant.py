"""`manage.py create_tenant --name N --email E [--json]`: an account, its owner and its first API key."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.core.errors import BadInput
from apps.tenants.services import create_tenant


class Command(BaseCommand):
    """Prints the key and the password once; neither can be shown again."""

    help = "Create a tenant with its owner and first API key."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", required=True)
        parser.add_argument("--email", required=True)
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            made = create_tenant(name=options["name"], email=options["email"])
        except BadInput as error:
            raise CommandError(str(error.detail)) from error
        facts = {
            "tenant_id": str(made.tenant.pk),
            "api_key": made.api_key,
            "email": made.email,
            "password": made.password,
        }
        lines = json.dumps(facts) if options["json"] else "\n".join(f"{name}: {fact}" for name, fact in facts.items())
        self.stdout.write(lines)
