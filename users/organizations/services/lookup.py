"""Finding what a service is about, and what the actor is there."""

from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from core.errors import GenericErrorCode, InputRejectedError, Problem
from core.security.actor import Actor
from users.accounts.policy import require
from users.organizations.models import Membership, Organization
from users.organizations.policy import allow_anyone
from users.organizations.querysets import OrganizationQuerySet
from users.organizations.roles import Role


def find_organization(
    organization_id: UUID | None, *, actor: Actor
) -> tuple[Organization, Role | None]:
    """Return an organisation that the actor sees, and the actor's role in it, if any.

    Raises `InputRejectedError` if there is none to be seen, and the policy's errors.
    """
    return _find(Organization.objects.all(), organization_id, actor)


def lock_organization(
    organization_id: UUID | None, *, actor: Actor
) -> tuple[Organization, Role | None]:
    """Return what `find_organization` does, locked until the caller's transaction ends.

    Whatever changes who belongs to an organisation comes here first, so that roles stay as they
    were read and one owner at least remains.
    """
    return _find(Organization.objects.select_for_update(of=("self",)), organization_id, actor)


def find_membership(organization: Organization, user_id: UUID | None) -> Membership:
    """Return somebody's membership. Raises `InputRejectedError` if there is none."""
    found = organization.memberships.filter(user_id=user_id).first() if user_id else None
    if found is None:
        raise InputRejectedError(
            Problem(
                GenericErrorCode.NOT_FOUND, _("This person does not belong here."), ("user_id",)
            )
        )
    return found


def get_role(organization: Organization, user_id: UUID | None) -> Role | None:
    """Return what somebody is there, as of now; None for who does not belong there."""
    if user_id is None:
        return None
    roles = organization.memberships.filter(user_id=user_id).values_list("role", flat=True)
    return next(map(Role, roles), None)


def _find(
    organizations: OrganizationQuerySet, organization_id: Any, actor: Actor
) -> tuple[Organization, Role | None]:
    require(actor, allow_anyone)
    visible = organizations.visible_to(actor)
    found = visible.filter(pk=organization_id).first() if organization_id else None
    if found is None:
        raise InputRejectedError(
            Problem(
                GenericErrorCode.NOT_FOUND,
                _("There is no such organisation."),
                ("organization_id",),
            )
        )
    return found, get_role(found, actor.user_id)
