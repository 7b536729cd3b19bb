"""Changes of roles, and removal of members."""

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
    """Change a member's role, as an owner; no-op for the same role.

    Raises `InputRejectedError` if the organisation or member does not exist, or no owner would be
    left, and the policy's errors.
    """
    organization, own_role = lock_organization(organization_id, actor=actor)
    require(actor, may_own, own_role)
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
def remove_member(organization_id: UUID | None, user_id: UUID | None, *, actor: Actor) -> UUID:
    """Remove a member from an organisation; return the key of the deleted membership.

    Raises `InputRejectedError` if the organisation or member does not exist, or no owner would be
    left, and the policy's errors.
    """
    organization, own_role = lock_organization(organization_id, actor=actor)
    # Before the lookup, which would disclose memberships to plain members.
    require(actor, may_manage, own_role, Role.MEMBER)
    membership = find_membership(organization, user_id)
    require(actor, may_manage, own_role, Role(membership.role))
    return _remove_membership(membership, Tag.MEMBER_REMOVED, actor=actor, field="user_id")


@transaction.atomic(durable=True)
def leave_organization(organization_id: UUID | None, *, actor: Actor) -> UUID:
    """Remove the actor from an organisation; return the key of the deleted membership.

    Raises `InputRejectedError` if the organisation does not exist, the actor is not a member or no
    owner would be left, and the policy's errors.
    """
    organization, _own_role = lock_organization(organization_id, actor=actor)
    require(actor, may_leave)
    try:
        membership = find_membership(organization, actor.user_id)
    except InputRejectedError as error:
        raise error.with_field("organization_id") from None
    return _remove_membership(membership, Tag.MEMBER_LEFT, actor=actor, field="organization_id")


def _remove_membership(membership: Membership, tag: Tag, *, actor: Actor, field: str) -> UUID:
    """Delete a membership of a locked organisation, in the caller's transaction."""
    _require_another_owner(membership.organization, membership, field=field)
    key = membership.pk
    membership.delete()
    record(
        tag,
        actor=actor,
        subject_id=membership.user_id,
        organization=membership.organization_id,
        role=membership.role,
    )
    return key


def _require_another_owner(
    organization: Organization, membership: Membership, *, field: str
) -> None:
    """Raise `InputRejectedError` if no other active owner would be left.

    The lock on the organisation serialises owners who leave at the same time (write skew).
    """
    if membership.role != Role.OWNER:
        return
    others = organization.memberships.filter(role=Role.OWNER, user__is_active=True)
    if not others.exclude(pk=membership.pk).exists():
        raise InputRejectedError(
            Problem(
                OrganizationErrorCode.LAST_OWNER,
                _("This is the last owner. Make another member an owner first."),
                (field,),
            )
        )
