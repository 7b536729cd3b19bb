"""Access rules for bulk actions. `visible_to` decides which rows an actor sees."""

from core.security.actor import Actor
from users.accounts.policy import may_administer_users
from users.scopes import Scope


def may_act_in_bulk(actor: Actor) -> bool:
    """Administrators may, interactively or by API token; the system actor may not."""
    return actor.is_authenticated and may_administer_users(actor)


def may_list_bulk_actions(actor: Actor) -> bool:
    """Signed-in users may list bulk actions, within `visible_to`."""
    return actor.is_authenticated and actor.allows(Scope.USERS_WRITE)
