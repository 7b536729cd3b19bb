"""The administrator on whose behalf a command imports, by the option `--as`."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError, CommandParser

from core.errors import ForbiddenError, InputRejectedError, TooManyAttemptsError
from core.security.actor import Actor
from users.accounts.services.lookup import get_by_login
from users.authentication.sessions.credentials import background_actor


def add_administrator(parser: CommandParser) -> None:
    """Add the option."""
    parser.add_argument(
        "--as", dest="administrator", required=True, help="the administrator who imports"
    )


@contextmanager
def acting_as(login: str) -> Iterator[Actor]:
    """Yield the actor. Raises `CommandError` if there is none, and for refusals in the block."""
    user = get_by_login(login)
    actor = background_actor(user.pk, token_id=None) if user else None
    if actor is None:
        raise CommandError("There is no such active user.")
    try:
        yield actor
    except InputRejectedError as error:
        raise CommandError("\n".join(str(each.message) for each in error.problems)) from None
    except ForbiddenError:
        raise CommandError(f"{login} is not an administrator.") from None
    except TooManyAttemptsError as error:
        minutes = -(-error.retry_after // 60)
        raise CommandError(
            f"{login} has started too many imports. Try again in {minutes} minutes, "
            "or import --as another administrator."
        ) from None
