"""Protection of organisations against the deletion of their last owner."""

from typing import Final
from uuid import UUID

from django.utils.translation import gettext as _

from core.errors import InputRejectedError, Problem
from users.organizations.errors import OrganizationErrorCode
from users.organizations.models import Membership, Organization
from users.organizations.roles import Role

MAX_NAMED: Final = 5


def require_other_owners(user_id: UUID, *, field: str | None) -> None:
    """Raise `InputRejectedError` if the user is the last active owner of an organisation.

    The error is about ``field``, or about no field if that is None. Locks the user's organisations
    by id until the caller's transaction ends, which serialises owners who are deleted at the same
    time (write skew).
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
    with_others = set(others.values_list("organization_id", flat=True))
    names = [each.name for key, each in organizations.items() if key not in with_others]
    if names:
        shown = ", ".join(names[:MAX_NAMED]) + (" …" if len(names) > MAX_NAMED else "")
        raise InputRejectedError(
            Problem(
                OrganizationErrorCode.LAST_OWNER,
                _("Make another member an owner of these organisations, or delete them: %(names)s.")
                % {"names": shown},
                (field,) if field else (),
            )
        )
