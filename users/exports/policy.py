"""Access rules of exports. `visible_to` decides which rows an actor sees."""

from core.security.actor import Actor
from users.accounts.policy import may_administer


def may_export_users(actor: Actor) -> bool:
    """Administrators export users in interactive sessions.

    Not staff and not API tokens: they read the same page by page, within the limits of the API. A
    file of all users leaves these behind.
    """
    return actor.is_authenticated and may_administer(actor)
