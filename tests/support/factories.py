"""Factories for users and their data."""

import base64
import datetime as dt
import secrets
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission
from django.db.models import Model
from django.utils import timezone

from core.database.ids import new_id
from core.security.actor import SYSTEM
from core.security.crypto import digest, new_secret
from users.accounts.errors import AccountErrorCode
from users.accounts.models import LastSeen, Profile, User
from users.accounts.services.permissions import create_permission
from users.activity.models import Event
from users.activity.tags import Tag
from users.authentication.models import ApiToken, Passkey, RecoveryCode, Session, Totp
from users.authentication.sessions.access_tokens import issue_access_token
from users.authentication.tokens.format import new_api_token
from users.bulk.actions import BulkActionKind
from users.bulk.models import BulkAction, BulkFailure
from users.exports.formats import ExportFormat
from users.exports.models import UserExport
from users.imports.fields import ImportField, ImportFormat, ImportMode
from users.imports.models import ExternalId, SkippedRow, UserImport
from users.imports.readers import Layout
from users.jobs.states import JobState
from users.organizations.models import (
    Membership,
    Organization,
    OrganizationInvitation,
    Role,
)
from users.webhooks.models import Webhook, WebhookDelivery
from users.webhooks.payloads import DEFAULT_SELECTION
from users.webhooks.states import WebhookDeliveryError

PASSWORD = "correct horse battery staple"


def make_user(
    username: str, *, locale: str = "en", seen: dt.datetime | None = None, **fields: Any
) -> User:
    """Create a user with `PASSWORD` and the rows that every user has."""
    user = User.objects.create(
        username=username,
        email=fields.pop("email", f"{username}@example.org"),
        password=make_password(PASSWORD),
        **fields,
    )
    Profile.objects.create(user=user, locale=locale)
    LastSeen.objects.create(user=user, at=seen)
    return user


def make_users(usernames: Iterable[str]) -> list[User]:
    """Create users as `make_user` does, in a statement per table."""
    password = make_password(PASSWORD)
    users = User.objects.bulk_create(
        User(username=username, email=f"{username}@example.org", password=password)
        for username in usernames
    )
    Profile.objects.bulk_create(Profile(user=user, locale="en") for user in users)
    LastSeen.objects.bulk_create(LastSeen(user=user) for user in users)
    return users


def make_crowd(count: int, *, organization: Organization, group: Group) -> list[User]:
    """Create public, signed-in users in the organisation and the group."""
    users = User.objects.bulk_create(
        User(username=f"person-{n:03}", email=f"{n:03}@example.org", is_public=True)
        for n in range(count)
    )
    Profile.objects.bulk_create(Profile(user=user) for user in users)
    LastSeen.objects.bulk_create(LastSeen(user=user) for user in users)
    Membership.objects.bulk_create(
        Membership(organization=organization, user=user) for user in users
    )
    group.user_set.add(*users)
    ends = timezone.now() + dt.timedelta(days=1)
    make_factors(*users, passkeys=3)
    proof = strong_proof()
    Session.objects.bulk_create(Session(user=user, expires_at=ends, **proof) for user in users)
    return users


def make_session(user: User, *, days: int = 1) -> Session:
    """Create a session that expires in ``days`` days; an expired one if negative.

    Its authentication is recent and as strong as the user's factors require.
    """
    proof = strong_proof() if user.second_factors else {}
    ends = timezone.now() + dt.timedelta(days=days)
    return Session.objects.create(user=user, expires_at=ends, **proof)


def make_cookie_session(user: User) -> str:
    """Create a cookie session; return the cookie."""
    secret = new_secret()
    session = make_session(user)
    Session.objects.filter(pk=session.pk).update(cookie_digest=digest(secret))
    return secret


def strong_proof() -> dict[str, Any]:
    """Return the fields of a session with recent authentication by password and code."""
    return {"methods": ["pwd", "otp", "mfa"], "aal": 2, "factor_at": timezone.now()}


def make_factors(*users: User, passkeys: int = 1) -> None:
    """Create confirmed second factors of all kinds."""
    now = timezone.now()
    Totp.objects.bulk_create(
        Totp(user=user, secret="x", begun_at=now, confirmed_at=now, last_used_at=now)
        for user in users
    )
    Passkey.objects.bulk_create(
        Passkey(
            user=user,
            name=f"Key {number}",
            credential_id=secrets.token_bytes(16),
            public_key=b"x",
            aaguid=UUID(int=0),
            is_syncable=False,
            is_backed_up=False,
            last_used_at=now,
        )
        for user in users
        for number in range(passkeys)
    )
    RecoveryCode.objects.bulk_create(
        RecoveryCode(user=user, digest=secrets.token_bytes(32)) for user in users
    )
    for user in users:
        user.second_factors = ["totp", "passkey"]
        user.save(update_fields=["second_factors"])


def make_token(user: User) -> str:
    """Create a session; return the access token."""
    return issue_access_token(make_session(user))


def make_service(username: str, **fields: Any) -> User:
    """Create a service account."""
    service = User.objects.create(
        username=username,
        email=f"{username}@service.invalid",
        password=make_password(None),
        is_service=True,
        **fields,
    )
    Profile.objects.create(user=service)
    LastSeen.objects.create(user=service)
    return service


def make_api_token(user: User, *scopes: str, days: int = 30, name: str = "CI") -> str:
    """Create an API token with scopes that expires after ``days``; return the secret."""
    secret = new_api_token(for_service=user.is_service)
    now = timezone.now()
    token = ApiToken.objects.create(
        user=user,
        name=name,
        digest=digest(secret),
        scopes=list(scopes),
        expires_at=now + dt.timedelta(days=abs(days)),
    )
    if days <= 0:
        then = now - dt.timedelta(days=1 - days)
        ApiToken.objects.filter(pk=token.pk).update(
            created_at=then, expires_at=then + dt.timedelta(hours=1)
        )
    return secret


def make_bulk_action(requester: User, *refused: User, **fields: Any) -> BulkAction:
    """Create a completed bulk action, in which some users were ``refused``."""
    now = timezone.now()
    values: dict[str, Any] = {
        "kind": BulkActionKind.SUSPEND,
        "arguments": {"reason": "Spam"},
        "selection": {"filter": {"conditions": {"is_active": True}}, "search": "person"},
        "state": JobState.COMPLETED,
        "total": len(refused),
        "failed": len(refused),
        "started_at": now - dt.timedelta(seconds=1),
        "finished_at": now,
    }
    bulk_action = BulkAction.objects.create(requester=requester, **values | fields)
    BulkFailure.objects.bulk_create(
        BulkFailure(bulk_action=bulk_action, user=user, code=AccountErrorCode.LAST_ADMINISTRATOR)
        for user in refused
    )
    return bulk_action


def make_user_export(requester: User, **fields: Any) -> UserExport:
    """Create a completed export without rows."""
    now = timezone.now()
    values: dict[str, Any] = {
        "selection": {"filter": {"conditions": {"is_active": True}}, "search": "person"},
        "columns": ["username", "email"],
        "format": ExportFormat.CSV,
        "state": JobState.COMPLETED,
        "total": 4,
        "done": 4,
        "started_at": now - dt.timedelta(seconds=1),
        "finished_at": now,
    }
    return UserExport.objects.create(requester=requester, **values | fields)


def make_user_import(requester: User, *skipped: AccountErrorCode, **fields: Any) -> UserImport:
    """Create a completed import, in which a row was skipped for each of the codes."""
    now = timezone.now()
    layout = Layout(ImportFormat.CSV, [ImportField.EMAIL], None, ",", 6, 1)
    values: dict[str, Any] = {
        "format": ImportFormat.CSV,
        "mode": ImportMode.CREATE,
        "source": "crm",
        "file_name": "people.csv",
        "layout": layout.to_json(),
        "offset": 20,
        "line": 4,
        "state": JobState.COMPLETED,
        "total": 3,
        "done": 1,
        "failed": 2,
        "started_at": now - dt.timedelta(seconds=1),
        "finished_at": now,
    }
    user_import = UserImport.objects.create(requester=requester, **values | fields)
    SkippedRow.objects.bulk_create(
        SkippedRow(
            user_import=user_import,
            line=line,
            code=code,
            field=ImportField.EMAIL,
            external_id=str(line),
        )
        for line, code in enumerate(skipped, 2)
    )
    return user_import


def make_organization(name: str, *members: User, role: Role = Role.MEMBER) -> Organization:
    """Create an organisation with ``members``."""
    organization = Organization.objects.create(name=name)
    for user in members:
        Membership.objects.create(organization=organization, user=user, role=role)
    return organization


def make_organization_invitation(
    organization: Organization, inviter: User, *, email: str, role: Role = Role.MEMBER
) -> OrganizationInvitation:
    """Create an invitation without a mail, which expires after a day."""
    return OrganizationInvitation.objects.create(
        organization=organization,
        inviter=inviter,
        email=email,
        role=role,
        expires_at=timezone.now() + dt.timedelta(days=1),
    )


def make_external_id(user: User, value: str, *, source: str = "") -> ExternalId:
    """Create the id of a user whom an import created."""
    return ExternalId.objects.create(
        user=user,
        source=source,
        value=value,
        is_origin=True,
        digest=b"",
        password_digest=b"",
        last_import_id=new_id(),
    )


def make_webhook(owner: User, organization: Organization | None = None, **fields: Any) -> Webhook:
    """Create a webhook that has read all events, without a usable secret."""
    values: dict[str, Any] = {
        "url": "https://receiver.example/hook",
        "tags": [Tag.MEMBER_LEFT],
        "selection": DEFAULT_SELECTION,
        "secret": "x",
        "position": 2**62,
    }
    return Webhook.objects.create(owner=owner, organization=organization, **values | fields)


def make_delivery(webhook: Webhook, event: Event, **fields: Any) -> WebhookDelivery:
    """Create a delivery that was refused once, and will be attempted again."""
    now = timezone.now()
    values: dict[str, Any] = {
        "position": 1,
        "ordering_key": event.subject_id,
        "attempts": 1,
        "next_attempt_at": now,
        "retry_until": now + dt.timedelta(days=1),
        "attempted_at": now,
        "status_code": 500,
        "duration_ms": 7,
        "error": WebhookDeliveryError.STATUS_REFUSED,
    }
    return WebhookDelivery.objects.create(webhook=webhook, event=event, **values | fields)


def make_permission(name: str) -> Permission:
    """Return a new permission of an application."""
    return create_permission(name, actor=SYSTEM, description="A permission")


def node_id(row: Model) -> str:
    """Return the global id of a row."""
    return global_id(type(row).__name__, row.pk)


def global_id(type_name: str, key: object) -> str:
    """Return the global id of an object."""
    return base64.b64encode(f"{type_name}:{key}".encode()).decode()
