"""Sessions and new users, for the peers on Django."""

import json
import os
from functools import cache
from uuid import UUID

import jwt
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from users.accounts.models import LastSeen, Profile, User


@cache
def _public_key() -> jwt.PyJWK:
    return jwt.PyJWK(json.loads(os.environ["BENCH_PUBLIC_KEY"]))


def session_users(authorization: str) -> QuerySet[User]:
    """Return the active user of the session that a bearer token references.

    Raises `jwt.InvalidTokenError`.
    """
    claims = jwt.decode(
        authorization.removeprefix("Bearer "),
        _public_key(),
        algorithms=["EdDSA"],
        issuer=settings.PUBLIC_URL,
        audience=settings.PUBLIC_URL,
        options={"require": ["sid", "exp"]},
    )
    return User.objects.filter(
        is_active=True, sessions=UUID(claims["sid"]), sessions__expires_at__gt=timezone.now()
    )


@transaction.atomic
def create_user(*, username: str, email: str, name: str, password: str) -> User:
    """Insert a user with a hashed password, and the rows that each user has."""
    user = User(username=username, email=email, name=name)
    user.set_password(password)
    user.save(force_insert=True)
    Profile.objects.create(user=user)
    LastSeen.objects.create(user=user)
    return user
