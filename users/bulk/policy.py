"""Who may act in bulk. Which bulk actions one sees is decided in `visible_to`."""

from core.security.actor import Actor
from users.accounts.policy import may_administer_users
from users.scopes import Scope


def may_act_in_bulk(actor: Actor) -> bool:
    """Administrators do, as people or by a token, and answer for it; the service does not."""
    return actor.is_authenticated and may_administer_users(actor)


def may_list_bulk_actions(actor: Actor) -> bool:
    """Whoever is signed in looks through bulk actions; `visible_to` decides which there are."""
    return actor.is_authenticated and actor.allows(Scope.USERS_WRITE)
