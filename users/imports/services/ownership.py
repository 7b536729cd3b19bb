"""What an import may change of an account that it has not created."""

from collections.abc import Collection
from uuid import UUID

from django.db.models import Exists, OuterRef

from users.accounts.models import LastSeen, User
from users.activity.models import Event
from users.activity.tags import Tag
from users.imports.models import ExternalId
from users.imports.services.clean import digest_of_password


def may_change_password(user: User, external_id: ExternalId | None) -> bool:
    """Return whether an import may set the password of an account.

    The source that created the user may. Another one may if an import created the account, no
    one has used it, and it has no password but one that this source gave.
    """
    if external_id is not None and external_id.is_origin:
        return True
    if user.has_usable_password() and (
        external_id is None
        or digest_of_password(user.password) != bytes(external_id.password_digest)
    ):
        return False
    return user.pk in unused_imports([user.pk])


def unused_imports(user_ids: Collection[UUID]) -> set[UUID]:
    """Return those of the users whom an import created, and who have not signed in."""
    imported = Event.objects.filter(subject_id=OuterRef("user_id"), tag=Tag.USER_IMPORTED)
    unused = LastSeen.objects.filter(Exists(imported), user__in=user_ids, at=None)
    return set(unused.values_list("user_id", flat=True))
