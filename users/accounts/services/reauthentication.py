"""Looking at passwords: at any log-in, and again before what a stolen session must not do."""

from functools import partial
from uuid import UUID

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.utils.translation import gettext as _

from core.actor import Actor
from core.errors import ErrorCode, InputRejectedError, Problem
from users.accounts.models import User
from users.accounts.throttling import count_password
from users.activity.record import record
from users.activity.tags import Tag


def confirm_password(user_id: UUID, password: str, *, actor: Actor, field: str) -> None:
    """Raise `InputRejectedError` about ``field`` unless this is the person's password.

    Call it before the service's own transaction: the refusal's event is committed although
    the request fails. Raises `TooManyAttemptsError` after too many.
    """
    count_password(user_id)
    with transaction.atomic(durable=True):
        if is_password_of(User.objects.get(pk=user_id), password):
            return
        record(Tag.PASSWORD_REFUSED, actor=actor, subject_id=user_id)
    raise InputRejectedError(
        Problem(ErrorCode.PASSWORD_WRONG, _("This is not your current password."), (field,))
    )


def is_password_of(user: User, password: str) -> bool:
    """Tell whether this is the person's password; its hash is brought to today's cost."""
    return check_password(password, user.password, partial(_hash_anew, user))


def _hash_anew(user: User, password: str) -> None:
    """Keep the password at today's cost, unless it was changed meanwhile."""
    encoded = make_password(password)
    if User.objects.filter(pk=user.pk, password=user.password).update(password=encoded):
        user.password = encoded
