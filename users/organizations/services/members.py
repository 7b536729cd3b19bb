"""Changing what people are in an organisation, and parting with them."""

from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from core.errors import InputRejectedError, Problem
from core.security.actor import Actor
from users.accounts.policy import require
from users.activity.services.record import record
from users.activity.tags import Tag
from users.organizations.errors import OrganizationErrorCode
from users.organizations.models import Membership, Organization
from users.organizations.policy import may_leave, may_manage, may_own
from users.organizations.roles import Role
from users.organizations.services.lookup import find_membership, lock_organization


@transaction.atomic(durable=True)
def change_role(
    organization_id: UUID | None, user_id: UUID | None, *, actor: Actor, role: Role
) -> Membership:
    """Give a member another role, as an owner; the same one changes nothing.

    Raises `InputRejectedError` if there is no such organisation or member, or no owner would be
    left, and the policy's errors.
    """
    organization, own = lock_organization(organization_id, actor=actor)
    require(actor, may_own, own)
    membership = find_membership(organization, user_id)
    old = Role(membership.role)
    if old is role:
        return membership
    _require_another_owner(organization, membership, field="role")
    membership.role = role
    membership.save(update_fields=["role"])
    record(
        Tag.MEMBER_ROLE_CHANGED,
        actor=actor,
        subject_id=membership.user_id,
        organization=organization.pk,
        old=old,
        new=role,
    )
    return membership


@transaction.atomic(durable=True)
def remove_member(
    organization_id: UUID | None, user_id: UUID | None, *, actor: Actor
) -> Organization:
    """Take somebody out of an organisation.

    Raises `InputRejectedError` if there is no such organisation or member, or no owner would be
    left, and the policy's errors.
    """
    organization, own = lock_organization(organization_id, actor=actor)
    # Before it is told who belongs there to those who see it only.
    require(actor, may_manage, own, Role.MEMBER)
    membership = find_membership(organization, user_id)
    require(actor, may_manage, own, Role(membership.role))
    _remove_membership(membership, Tag.MEMBER_REMOVED, actor=actor, field="user_id")
    return organization


@transaction.atomic(durable=True)
def leave_organization(organization_id: UUID | None, *, actor: Actor) -> None:
    """Take the actor out of an organisation.

    Raises `InputRejectedError` if there is no such organisation, the actor is not in it or no
    owner would be left, and the policy's errors.
    """
    organization, _own = lock_organization(organization_id, actor=actor)
    require(actor, may_leave)
    try:
        membership = find_membership(organization, actor.user_id)
    except InputRejectedError as error:
        raise error.with_field("organization_id") from None
    _remove_membership(membership, Tag.MEMBER_LEFT, actor=actor, field="organization_id")


def _remove_membership(membership: Membership, tag: Tag, *, actor: Actor, field: str) -> None:
    """Delete a membership of a locked organisation, in the caller's transaction."""
    _require_another_owner(membership.organization, membership, field=field)
    membership.delete()
    record(
        tag,
        actor=actor,
        subject_id=membership.user_id,
        organization=membership.organization_id,
        role=membership.role,
    )


def _require_another_owner(
    organization: Organization, membership: Membership, *, field: str
) -> None:
    """Refuse to go on without this membership if nobody else is an owner who may sign in.

    The organisation is locked, so two owners who part at once come here one after the other.
    """
    if membership.role != Role.OWNER:
        return
    others = organization.memberships.filter(role=Role.OWNER, user__is_active=True)
    if not others.exclude(pk=membership.pk).exists():
        raise InputRejectedError(
            Problem(
                OrganizationErrorCode.LAST_OWNER,
                _("This is the last owner. Make somebody else one first."),
                (field,),
            )
        )
