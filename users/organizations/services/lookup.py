"""Lookup of organisations, memberships and the actor's role."""

from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from core.errors import GenericErrorCode, InputRejectedError, Problem
from core.security.actor import Actor
from users.accounts.policy import require
from users.organizations.models import Membership, Organization, OrganizationQuerySet
from users.organizations.policy import may_look_up
from users.organizations.roles import Role


def find_organization(
    organization_id: UUID | None, *, actor: Actor
) -> tuple[Organization, Role | None]:
    """Return an organisation that the actor may see, and the actor's role or None.

    Raises `InputRejectedError` if it does not exist or is not visible, and the policy's errors.
    """
    return _find(Organization.objects.all(), organization_id, actor)


def lock_organization(
    organization_id: UUID | None, *, actor: Actor
) -> tuple[Organization, Role | None]:
    """Return an organisation, locked for update, and the actor's role or None.

    Every change of memberships locks the organisation first, so that roles cannot change after they
    were read and one owner remains. Raises the errors of `find_organization`.
    """
    return _find(Organization.objects.select_for_update(of=("self",)), organization_id, actor)


def find_membership(organization: Organization, user_id: UUID | None) -> Membership:
    """Return a user's membership. Raises `InputRejectedError` if there is none."""
    memberships = organization.memberships
    membership = memberships.filter(user_id=user_id).first() if user_id else None
    if membership is None:
        raise InputRejectedError(
            Problem(
                GenericErrorCode.NOT_FOUND,
                _("This user is not a member of the organisation."),
                ("user_id",),
            )
        )
    return membership


def get_role(organization_id: UUID | None, user_id: UUID | None) -> Role | None:
    """Return a user's current role, or None if there is no such membership."""
    if organization_id is None or user_id is None:
        return None
    memberships = Membership.objects.filter(organization=organization_id, user=user_id)
    return next(map(Role, memberships.values_list("role", flat=True)), None)


def _find(
    organizations: OrganizationQuerySet, organization_id: Any, actor: Actor
) -> tuple[Organization, Role | None]:
    require(actor, may_look_up)
    visible = organizations.visible_to(actor)
    organization = visible.filter(pk=organization_id).first() if organization_id else None
    if organization is None:
        raise InputRejectedError(
            Problem(
                GenericErrorCode.NOT_FOUND,
                _("This organisation does not exist."),
                ("organization_id",),
            )
        )
    return organization, get_role(organization.pk, actor.user_id)
