"""Creation, renaming and deletion of organisations."""

from typing import cast
from uuid import UUID

from django.db import transaction

from core.errors import GenericErrorCode
from core.security.actor import Actor
from users.accounts.policy import require
from users.accounts.services.reauthentication import confirm_password
from users.accounts.services.validation import Problems
from users.activity.services.record import record
from users.activity.tags import Tag
from users.organizations.models import Membership, Organization
from users.organizations.names import clean_organization_name
from users.organizations.policy import may_create, may_delete, may_own
from users.organizations.roles import Role
from users.organizations.services.lookup import find_organization, lock_organization
from users.organizations.throttling import count_organization


def create_organization(*, actor: Actor, name: str) -> Organization:
    """Create an organisation, with the actor as its owner.

    Raises `InputRejectedError`, `TooManyAttemptsError` and the policy's errors.
    """
    require(actor, may_create)
    name = _clean_name(name)
    user_id = cast("UUID", actor.user_id)
    count_organization(user_id)
    with transaction.atomic(durable=True):
        organization = Organization.objects.create(name=name)
        Membership.objects.create(organization=organization, user_id=user_id, role=Role.OWNER)
        record(
            Tag.ORGANIZATION_CREATED,
            actor=actor,
            subject_id=user_id,
            personal={"name": name},
            organization=organization.pk,
        )
    return organization


@transaction.atomic(durable=True)
def rename_organization(organization_id: UUID | None, *, actor: Actor, name: str) -> Organization:
    """Rename an organisation, as its owner; no-op for the same name.

    Raises `InputRejectedError` for an invalid name or if the organisation does not exist, and the
    policy's errors.
    """
    organization, own_role = lock_organization(organization_id, actor=actor)
    require(actor, may_own, own_role)
    name, old = _clean_name(name), organization.name
    if name == old:
        return organization
    organization.name = name
    organization.save(update_fields=["name"])
    record(
        Tag.ORGANIZATION_RENAMED,
        actor=actor,
        subject_id=None,
        personal={"old": old, "new": name},
        organization=organization.pk,
    )
    return organization


def delete_organization(organization_id: UUID | None, *, actor: Actor, password: str) -> None:
    """Delete an organisation with its memberships and invitations, as its owner.

    Requires the actor's password. Raises `InputRejectedError` for a wrong password or if the
    organisation does not exist, `TooManyAttemptsError` and the policy's errors.
    """
    _organization, own_role = find_organization(organization_id, actor=actor)
    require(actor, may_delete, own_role)
    user_id = cast("UUID", actor.user_id)
    confirm_password(user_id, password, actor=actor, field="password")
    with transaction.atomic(durable=True):
        organization, own_role = lock_organization(organization_id, actor=actor)
        require(actor, may_delete, own_role)
        key, name = organization.pk, organization.name
        _total, deleted = organization.delete()
        record(
            Tag.ORGANIZATION_DELETED,
            actor=actor,
            subject_id=None,
            personal={"name": name},
            organization=key,
            members=deleted.get(Membership._meta.label, 0),
        )


def _clean_name(name: str) -> str:
    """Return a valid name. Raises `InputRejectedError`."""
    problems = Problems()
    with problems.of("name", GenericErrorCode.VALUE_INVALID):
        name = clean_organization_name(name)
    problems.refuse_any()
    return name
