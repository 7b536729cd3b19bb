"""Access rules of jobs. `visible_to` decides which rows an actor sees."""

from core.security.actor import Actor
from users.accounts.policy import may_administer_users
from users.scopes import Scope


def may_run_jobs(actor: Actor) -> bool:
    """Administrators may, interactively or by API token; the system actor may not.

    A kind of jobs may require more of whom starts it.
    """
    return actor.is_authenticated and may_administer_users(actor)


def may_list_jobs(actor: Actor) -> bool:
    """Signed-in users may list jobs, within `visible_to`."""
    return actor.is_authenticated and actor.allows(Scope.USERS_WRITE)
