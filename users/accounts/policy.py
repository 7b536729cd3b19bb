"""Who may do what to accounts. Reads of rows are decided in the querysets' `visible_to`."""

from collections.abc import Callable
from uuid import UUID

from core.actor import Actor
from core.errors import ForbiddenError, UnauthenticatedError

Rule = Callable[[Actor, UUID | None], bool]


def may_read_private(actor: Actor, user_id: UUID | None) -> bool:
    """E-mail, groups, permissions and sessions are for the person and for staff."""
    return may_read_private_of_all(actor) or (actor.is_authenticated and actor.user_id == user_id)


def may_read_private_of_all(actor: Actor) -> bool:
    """Staff read it of everybody."""
    return actor.is_staff


def may_edit_profile(actor: Actor, user_id: UUID | None) -> bool:
    """People edit their own profile; staff edit anybody's."""
    return may_read_private(actor, user_id)


def may_write_public_metadata(actor: Actor, user_id: UUID | None = None) -> bool:  # noqa: ARG001
    """Staff write what applications show about people, and people do not."""
    return actor.is_staff


def may_write_private_metadata(actor: Actor, user_id: UUID | None = None) -> bool:  # noqa: ARG001
    """Administrators write what applications go by, such as plans and entitlements."""
    return actor.is_superuser


def may_change_credentials(actor: Actor, user_id: UUID | None) -> bool:
    """Password, e-mail address, username and sessions are changed by the person alone."""
    return actor.is_authenticated and actor.user_id == user_id


def may_list_people(actor: Actor, user_id: UUID | None = None) -> bool:  # noqa: ARG001
    """People with an account may look around; `visible_to` decides whom each finds."""
    return actor.is_authenticated


def may_select_people_by_what_is_private(
    actor: Actor,
    user_id: UUID | None = None,  # noqa: ARG001
) -> bool:
    """Orders and filters that tell of private fields are for those who read them of everybody."""
    return may_read_private_of_all(actor)


def may_administer(actor: Actor, user_id: UUID | None = None) -> bool:  # noqa: ARG001
    """Accounts, flags and groups are the administrators' business."""
    return actor.is_superuser


def may_list_groups(actor: Actor, user_id: UUID | None = None) -> bool:  # noqa: ARG001
    """All groups and permissions are for staff; people see their own with themselves."""
    return actor.is_staff


def may_read_analytics(actor: Actor, user_id: UUID | None = None) -> bool:  # noqa: ARG001
    """Figures about everybody are for staff."""
    return actor.is_staff


def require(actor: Actor, rule: Rule, user_id: UUID | None = None) -> None:
    """Raise unless ``rule`` allows the actor to act on the person ``user_id``."""
    if rule(actor, user_id):
        return
    if not (actor.is_authenticated or actor.is_system):
        raise UnauthenticatedError
    raise ForbiddenError
