"""Organisations that somebody's account must not be deleted for."""

from typing import Final
from uuid import UUID

from django.utils.translation import gettext as _

from core.errors import InputRejectedError, Problem
from users.organizations.errors import OrganizationErrorCode
from users.organizations.models import Membership, Organization
from users.organizations.roles import Role

MAX_NAMED: Final = 5


def require_other_owners(user_id: UUID, *, field: str | None) -> None:
    """Refuse, about ``field``, that a person goes who is the last owner of an organisation.

    Locks the person's organisations until the caller's transaction ends, in the order of their
    ids, so that two owners who go at once come here one after the other. Like everywhere, owners
    who cannot sign in do not count. Raises `InputRejectedError`.
    """
    owned = Membership.objects.filter(user_id=user_id, role=Role.OWNER)
    locked = Organization.objects.select_for_update().order_by("pk")
    organizations = {
        organization.pk: organization
        for organization in locked.filter(pk__in=owned.values("organization_id"))
    }
    others = Membership.objects.filter(
        organization__in=organizations, role=Role.OWNER, user__is_active=True
    ).exclude(user_id=user_id)
    kept = set(others.values_list("organization_id", flat=True))
    names = [each.name for key, each in organizations.items() if key not in kept]
    if names:
        shown = ", ".join(names[:MAX_NAMED]) + (" …" if len(names) > MAX_NAMED else "")
        raise InputRejectedError(
            Problem(
                OrganizationErrorCode.LAST_OWNER,
                _("Make somebody else an owner of these organisations, or delete them: %(names)s.")
                % {"names": shown},
                (field,) if field else (),
            )
        )
