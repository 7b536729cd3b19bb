"""Show what is cached, and drop cached answers."""

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from core.cache.shared import FAILURES
from core.versions.lookup import touch
from core.versions.touches import TOUCH_ENTITIES
from schema.entities import EVERYTHING
from schema.http.answers.execution import CACHE
from schema.nodes import node_key
from users.accounts.services.lookup import get_by_login
from users.accounts.versions import TOUCH_USERS
from users.organizations.models import Organization

ALL: Final = "Drop all answers, and empty the shared cache; of Memcached, the whole server."
PROBE: Final = b"probe"


class Command(BaseCommand):
    """`manage.py cache`. What is dropped is dropped in all processes, by another version."""

    help = "Shows the state of the caches, and drops cached answers in all processes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what can be dropped."""
        dropped = parser.add_mutually_exclusive_group()
        dropped.add_argument(
            "--drop-user", metavar="LOGIN", help="Drop the answers about a user and to the user."
        )
        dropped.add_argument(
            "--drop-organization", metavar="ID", help="Drop the answers about an organisation."
        )
        dropped.add_argument("--drop-all", action="store_true", help=ALL)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Drop answers, or print the state."""
        if options["drop_all"]:
            self._drop(EVERYTHING)
            self._delete_shared()
        elif options["drop_user"]:
            # With the organisations whose answers show the user.
            self._drop(_user(options["drop_user"]), TOUCH_USERS)
        elif options["drop_organization"]:
            self._drop(_organization(options["drop_organization"]))
        else:
            self.stdout.writelines(f"{line}\n" for line in _state())

    def _drop(self, entity: UUID, function: str = TOUCH_ENTITIES) -> None:
        touch([entity], function)
        self.stdout.write("Dropped.")

    def _delete_shared(self) -> None:
        """Free the memory of the shared cache, whose entries no process uses any more."""
        try:
            CACHE.delete_all()
        except FAILURES:
            self.stdout.write("The shared cache is unreachable (CACHE_URL); its entries expire.")


def _user(login: str) -> UUID:
    user = get_by_login(login)
    if user is None:
        raise CommandError(f"There is no user {login}.")
    return user.pk


def _organization(id_: str) -> UUID:
    key = node_key(id_, "Organization")
    if key is None or not Organization.objects.filter(pk=key).exists():
        raise CommandError(f"There is no organization {id_}.")
    return UUID(str(key))


def _state() -> Iterator[str]:
    """Yield the lines of the report."""
    megabytes = settings.ANSWER_CACHE_MB
    if not megabytes:
        yield "Answers are not cached (ANSWER_CACHE_MB=0)."
        return
    yield f"In each web process: up to {megabytes} MB (ANSWER_CACHE_MB); see /metrics."
    if not CACHE.is_enabled:
        yield "Shared by all processes: off (SHARED_CACHE_SECONDS)."
    elif _is_reachable():
        yield f"Shared by all processes: for {settings.SHARED_CACHE_SECONDS} s (CACHE_URL)."
    else:
        yield "Shared by all processes: unreachable (CACHE_URL), so slow answers are computed."


def _is_reachable() -> bool:
    CACHE.put(PROBE, PROBE)
    return CACHE.get(PROBE) == PROBE
