"""Resolves sessions and API tokens to actors."""

import datetime as dt
from functools import cache
from typing import NamedTuple
from uuid import UUID

from core.database.replicas.positions import has_replayed
from core.security.actor import Actor, SessionAuthentication
from core.versions.lookup import version_column, version_of
from engine.sql.statements import Param, Statement
from users.accounts.models import User
from users.activity.versions import writes_of_sql
from users.authentication.factors.policy import is_enrollment_due
from users.authentication.models import ApiToken, Session
from users.scopes import ON_BEHALF, with_implied


class ActiveSession(NamedTuple):
    """The columns of an active session and its user that every request needs."""

    pk: UUID
    user_id: UUID
    is_staff: bool
    is_superuser: bool
    date_joined: dt.datetime
    second_factors: list[str]
    created_at: dt.datetime
    last_seen_at: dt.datetime
    authenticated_at: dt.datetime
    factor_at: dt.datetime | None
    impersonator_id: UUID | None

    @property
    def used_at(self) -> dt.datetime:
        """The recorded time of the last use."""
        return self.last_seen_at

    def actor(self, *, ip: str | None, user_agent: str) -> Actor:
        """Return the actor of a request in this session.

        A user whose enrollment deadline has passed gets an actor that may only set up a second
        factor. An impersonation is limited to `users.scopes.ON_BEHALF` and has no authentication:
        it can neither enroll a factor nor reauthenticate.
        """
        if self.impersonator_id is not None:
            return Actor(
                user_id=self.user_id,
                session_id=self.pk,
                impersonator_id=self.impersonator_id,
                scopes=ON_BEHALF,
                ip=ip,
                user_agent=user_agent,
            )
        authentication = SessionAuthentication(
            authenticated_at=self.authenticated_at,
            factor_at=self.factor_at,
            factors=self.second_factors,
        )
        if not self.second_factors and is_enrollment_due(self.date_joined, is_staff=self.is_staff):
            return Actor(
                enrolling_id=self.user_id,
                session_id=self.pk,
                authentication=authentication,
                ip=ip,
                user_agent=user_agent,
            )
        return Actor(
            user_id=self.user_id,
            session_id=self.pk,
            is_staff=self.is_staff,
            is_superuser=self.is_superuser,
            authentication=authentication,
            ip=ip,
            user_agent=user_agent,
        )


class ActiveApiToken(NamedTuple):
    """The columns of an active API token and its owner that every request needs."""

    pk: UUID
    user_id: UUID
    is_staff: bool
    is_superuser: bool
    is_service: bool
    date_joined: dt.datetime
    second_factors: list[str]
    scopes: list[str]
    last_used_at: dt.datetime | None

    @property
    def used_at(self) -> dt.datetime | None:
        """The recorded time of the last use."""
        return self.last_used_at

    def actor(self, *, ip: str | None, user_agent: str) -> Actor:
        """Return the actor of a request with this token: the owner, limited to the scopes.

        The enrollment deadline applies to tokens, too; otherwise a token would bypass it. Service
        accounts have no second factors and are exempt.
        """
        lacks_factor = not (self.is_service or self.second_factors)
        if lacks_factor and is_enrollment_due(self.date_joined, is_staff=self.is_staff):
            return Actor(
                enrolling_id=self.user_id,
                token_id=self.pk,
                scopes=with_implied(self.scopes),
                ip=ip,
                user_agent=user_agent,
            )
        return Actor(
            user_id=self.user_id,
            token_id=self.pk,
            scopes=with_implied(self.scopes),
            is_staff=self.is_staff,
            is_superuser=self.is_superuser,
            ip=ip,
            user_agent=user_agent,
        )


@cache
def active_session_statement(
    column: str,
    *,
    with_version: bool = False,
    with_requester: bool = False,
    is_confirming: bool = False,
) -> Statement:
    """Return the statement for an `ActiveSession`, with the values `value` and `now`.

    More columns have, in this order: ``with_requester`` the version of the user, and of what the
    user or the impersonator has written; if it ``is_confirming``, `has_replayed`; ``with_version``,
    that of entities.
    """
    table = Session._meta.db_table
    writer = f"COALESCE({table}.impersonator_id, {table}.user_id)"
    sessions = Session.objects.active(Param.named("now")).filter(**{column: Param.named("value")})
    return Statement.of(
        sessions.values_list(
            "pk",
            "user_id",
            "user__is_staff",
            "user__is_superuser",
            "user__date_joined",
            "user__second_factors",
            "created_at",
            "last_seen_at",
            "authenticated_at",
            "factor_at",
            "impersonator_id",
            *([version_of(f"{table}.user_id", writes_of_sql(writer))] if with_requester else []),
            *([has_replayed()] if is_confirming else []),
            *([version_column()] if with_version else []),
        )
    )


@cache
def active_api_token_statement(
    column: str,
    *,
    with_version: bool = False,
    with_requester: bool = False,
    is_confirming: bool = False,
) -> Statement:
    """Return the statement for an `ActiveApiToken`, with the value `value`.

    It may have more columns, as `active_session_statement`.
    """
    owner = f"{ApiToken._meta.db_table}.user_id"
    tokens = ApiToken.objects.active().filter(
        **{column: Param.named("value")}, user__is_active=True
    )
    return Statement.of(
        tokens.values_list(
            "pk",
            "user_id",
            "user__is_staff",
            "user__is_superuser",
            "user__is_service",
            "user__date_joined",
            "user__second_factors",
            "scopes",
            "last_used_at",
            *([version_of(owner, writes_of_sql(owner))] if with_requester else []),
            *([has_replayed()] if is_confirming else []),
            *([version_column()] if with_version else []),
        )
    )


def background_actor(user_id: UUID, *, token_id: UUID | None) -> Actor | None:
    """Return the actor for background work that a user requested.

    With ``token_id`` it is limited to that API token. None if the user is inactive, must set up a
    second factor, or the token is no longer valid. It has no authentication: the user
    authenticated when making the request.
    """
    if token_id is not None:
        rows = active_api_token_statement("pk").rows({"value": token_id})
        actor = ActiveApiToken(*rows[0]).actor(ip=None, user_agent="") if rows else None
        return actor if actor and actor.is_authenticated else None
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        return None
    if not user.second_factors and is_enrollment_due(user.date_joined, is_staff=user.is_staff):
        return None
    return Actor(user_id=user.pk, is_staff=user.is_staff, is_superuser=user.is_superuser)


def session_actor(session: Session, origin: Actor) -> Actor:
    """Return the actor of a session, with the user's current roles.

    Only the address and the user agent are taken from ``origin``.
    """
    user = session.user
    live = ActiveSession(
        session.pk,
        session.user_id,
        user.is_staff,
        user.is_superuser,
        user.date_joined,
        user.second_factors,
        session.created_at,
        session.last_seen_at,
        session.authenticated_at,
        session.factor_at,
        session.impersonator_id,
    )
    return live.actor(ip=origin.ip, user_agent=origin.user_agent)


def anonymous_actor(origin: Actor) -> Actor:
    """Return the anonymous actor of a client that has signed out."""
    return Actor(ip=origin.ip, user_agent=origin.user_agent)
