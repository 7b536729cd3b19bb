"""Prepares the database of `make run` and `make cluster`, and prints the welcome for later.

It is a process of its own, whose memory the supervisor and its children do not keep.
"""

import os
import sys
from contextlib import nullcontext

import django
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from kombu.exceptions import OperationalError as BrokerError

from core.celery import app as celery_app
from core.configuration.env import BadSetting
from core.database.roles.owner import as_owner


def _require_servers() -> None:
    """Raise `BadSetting` if a server cannot be reached."""
    for name, role in (("DATABASE_URL", nullcontext()), ("MIGRATION_DATABASE_URL", as_owner())):
        try:
            with role:
                connection.ensure_connection()
        except OperationalError as error:
            raise BadSetting(name, f"cannot be reached: {error}".splitlines()[0]) from None
    try:
        with celery_app.connection_for_write() as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=2)
    except BrokerError as error:
        name = "CELERY_BROKER_URL" if os.environ.get("CELERY_BROKER_URL") else "REDIS_URL"
        raise BadSetting(name, f"cannot be reached: {error}") from None


def main() -> None:
    """Migrate, and seed demo data if there are no users."""
    django.setup()
    _require_servers()
    try:
        call_command("migrate", verbosity=0)
    except CommandError as error:
        raise SystemExit(str(error)) from None
    # Its progress is for now; the other output is for later.
    call_command("seed", if_empty=True, stdout=sys.stderr)
    # WhiteNoise warns if the directory is missing; the demo serves static files from their sources.
    settings.STATIC_ROOT.mkdir(exist_ok=True)
    call_command("welcome")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
