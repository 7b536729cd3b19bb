"""Batch loader of the actor's roles."""

from collections.abc import Sequence
from uuid import UUID

from core.security.actor import Actor
from engine.fields.loaders import Batch
from users.organizations.models import Membership, Organization, Role


def _own_roles(actor: Actor, organization_ids: Sequence[UUID]) -> list[Role | None]:
    own = Membership.objects.of(actor).filter(organization_id__in=organization_ids)
    roles = {key: Role(role) for key, role in own.values_list("organization_id", "role")}
    return [roles.get(key) for key in organization_ids]


own_roles = Batch(Organization, ("pk",), _own_roles)
