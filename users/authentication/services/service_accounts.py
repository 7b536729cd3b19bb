"""Service accounts, which cannot sign in and authenticate by API tokens only."""

from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.db import transaction

from core.database.ids import new_id
from core.errors import GenericErrorCode
from core.security.actor import Actor
from users.accounts.errors import AccountErrorCode
from users.accounts.identifiers import SERVICE_DOMAIN, clean_username
from users.accounts.models import User
from users.accounts.policy import may_administer, require
from users.accounts.services.create_user import insert_user
from users.accounts.services.lookup import set_active
from users.accounts.services.reauthentication import require_recent_authentication
from users.accounts.services.sign_in_blocks import transfer_blocks
from users.accounts.services.validation import Problems, clean_name_of
from users.activity.services.record import record
from users.activity.tags import Tag
from users.authentication.models import ApiToken
from users.authentication.services.api_tokens import service_account_not_found


@transaction.atomic(durable=True)
def create_service_account(
    *,
    actor: Actor,
    username: str,
    name: str = "",
    is_staff: bool = False,
    is_superuser: bool = False,
) -> User:
    """Create a service account, with an unusable password and no mailbox.

    Raises `InputRejectedError` and the policy's errors.
    """
    require(actor, may_administer)
    require_recent_authentication(actor)
    problems = Problems()
    with problems.of("username", AccountErrorCode.USERNAME_INVALID):
        username = clean_username(username)
    with problems.of("name", GenericErrorCode.VALUE_INVALID):
        name = clean_name_of(User, "name", name)
    problems.refuse_any()
    key = new_id()
    user = User(
        pk=key,
        username=username,
        email=f"{key.hex}@{SERVICE_DOMAIN}",
        name=name,
        password=make_password(None),
        is_service=True,
        is_staff=is_staff,
        is_superuser=is_superuser,
    )
    insert_user(user)
    record(
        Tag.SERVICE_ACCOUNT_CREATED,
        actor=actor,
        subject_id=user.pk,
        is_staff=is_staff,
        is_superuser=is_superuser,
    )
    return user


@transaction.atomic(durable=True)
def deactivate_service_account(user_id: UUID | None, *, actor: Actor) -> User:
    """Deactivate a service account and revoke its tokens; a no-op if it is deactivated.

    An account scheduled for deletion stays deactivated if the deletion is canceled. Reactivation
    does not restore tokens. Raises `InputRejectedError` if there is no such service account, and
    the policy's errors.
    """
    require(actor, may_administer)
    require_recent_authentication(actor)
    services = User.objects.service_accounts().select_for_update()
    user = services.filter(pk=user_id).first() if user_id else None
    if user is None:
        raise service_account_not_found()
    revoked, _rows = ApiToken.objects.filter(user=user).delete()
    is_blocked = transfer_blocks(user.pk)
    if user.is_active or revoked or is_blocked:
        set_active(user, active=False)
        record(Tag.SERVICE_ACCOUNT_DEACTIVATED, actor=actor, subject_id=user.pk, tokens=revoked)
    return user
