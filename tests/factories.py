"""People and what they have, made directly in the database."""

import datetime as dt
from typing import Any

from django.contrib.auth.hashers import make_password
from django.utils import timezone

from users.accounts.models import Profile, User
from users.authentication.models import Session
from users.authentication.tokens import issue_access_token

PASSWORD = "correct horse battery staple"


def make_user(username: str, *, locale: str = "en", **fields: Any) -> User:
    """Create a person with a profile and `PASSWORD`."""
    user = User.objects.create(
        username=username,
        email=fields.pop("email", f"{username}@example.org"),
        password=make_password(PASSWORD),
        **fields,
    )
    Profile.objects.create(user=user, locale=locale)
    return user


def make_session(user: User, *, days: int = 1) -> Session:
    """Create a session that ends in ``days`` days, or ended if negative."""
    return Session.objects.create(user=user, expires_at=timezone.now() + dt.timedelta(days=days))


def make_token(user: User) -> str:
    """Sign a person in, and return the access token."""
    return issue_access_token(make_session(user))
