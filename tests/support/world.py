"""One row of every kind and a client of each kind, for tests of authorisation."""

import datetime as dt
import json
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, Final

from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.utils import timezone

from core.security.actor import Actor
from tests.support.client import Answer, GraphQLClient
from tests.support.executors import Executor
from tests.support.factories import (
    make_api_token,
    make_bulk_action,
    make_delivery,
    make_external_id,
    make_factors,
    make_organization,
    make_organization_invitation,
    make_service,
    make_session,
    make_user,
    make_user_export,
    make_user_import,
    make_webhook,
    node_id,
)
from tests.support.images import make_image
from tests.support.tables.authorization.kinds import ADMINISTRATOR, ANONYMOUS, OWNER, STAFF, USER
from tests.support.tables.authorization.reads import READS
from tests.support.tables.authorization.writes import OK, WRITES
from users.accounts.errors import AccountErrorCode
from users.accounts.models import (
    EmailAddition,
    EmailAddress,
    EmailChange,
    Invitation,
    LastSeen,
    Metadata,
    Profile,
    User,
)
from users.activity.models import IntervalCounts
from users.activity.services.record import record
from users.activity.tags import Tag
from users.authentication.models import (
    ApiToken,
    Passkey,
    PendingLogIn,
    RecoveryCode,
    Session,
    Suspension,
    Totp,
)
from users.authentication.sessions.access_tokens import issue_access_token
from users.bulk.models import BulkAction, BulkFailure
from users.exports.models import UserExport
from users.imports.models import SkippedRow, UserImport
from users.organizations.models import Membership, Organization, OrganizationInvitation, Role
from users.privacy.models import AccountDeletion, DataExport
from users.scopes import Scope
from users.webhooks.models import Webhook, WebhookDelivery
from users.webhooks.states import WebhookDisabledReason

HOUR = dt.timedelta(hours=1)
TOKEN_KINDS: Final = (OWNER, ADMINISTRATOR)
# The scopes of tokens: each one, and all together.
TOKENS: Final = (*(frozenset({scope.value}) for scope in Scope), frozenset(map(str, Scope)))

# A file for `importUsers`.
USERS: Final = b"email\nimported@example.org\n"


@dataclass(frozen=True)
class WorldRows:
    """An owner's row of every kind, and a session for each client."""

    owner: User
    sessions: dict[str, Session]
    ids: dict[str, str]
    # API tokens by owner and scopes; only for tests of tokens.
    api_tokens: dict[tuple[str, frozenset[str]], str] = field(default_factory=dict)


def build_world() -> WorldRows:
    owner = make_user("owner", is_public=True, name="Olive Owner")
    Profile.objects.update(bio="Owns.", avatar="0" * 32, website="https://owner.example")
    make_factors(owner)
    administrator = make_user("administrator", is_staff=True, is_superuser=True)
    people = {
        USER: make_user("user"),
        OWNER: owner,
        STAFF: make_user("staff", is_staff=True),
        ADMINISTRATOR: administrator,
    }
    seen = owner.date_joined
    User.objects.update(email_verified_at=seen, email_undeliverable_at=seen)
    LastSeen.objects.update(at=seen)
    EmailAddress.objects.create(user=owner, email="owner@example.com", verified_at=seen)
    sessions = {kind: make_session(user) for kind, user in people.items()}
    group = Group.objects.create(name="Owners")
    group.permissions.add(Permission.objects.all()[0])
    owner.groups.add(group)
    shop = ContentType.objects.create(app_label="shop", model="custom")
    Permission.objects.create(content_type=shop, codename="sell", name="Can sell things")
    session = make_session(owner)
    agent = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0"
    Session.objects.filter(pk=session.pk).update(user_agent=agent, ip="192.0.2.1")
    event = record(
        Tag.USER_CHANGED,
        actor=Actor(user_id=administrator.pk, ip="192.0.2.9", user_agent="Firefox"),
        subject_id=owner.pk,
        personal={"old": "x"},
    )
    organization = make_organization("Owners", owner, role=Role.OWNER)
    member = make_user("member")
    Membership.objects.create(organization=organization, user=member)
    invitation = make_organization_invitation(organization, owner, email="invited@example.org")
    webhook = make_webhook(owner, organization)
    deleted = make_user("deleted", is_active=False)
    AccountDeletion.objects.create(user=deleted, expires_at=timezone.now() + HOUR)
    DataExport.objects.create(user=owner, expires_at=timezone.now() + HOUR, ready_at=timezone.now())
    make_external_id(owner, "17", source="crm")
    rows = {
        "deleted": deleted,
        "owner": owner,
        "group": group,
        "session": session,
        "organization": organization,
        "member": member,
        "invitation": invitation,
        "pending": Invitation.objects.create(
            email="pending@example.org", locale="en", expires_at=invitation.expires_at
        ),
        "event": event,
        "service": make_service("service"),
        "token": _used_token(owner),
        "bulk": make_bulk_action(administrator, administrator),
        "export": make_user_export(administrator),
        "import": make_user_import(administrator, AccountErrorCode.EMAIL_TAKEN),
        "passkey": Passkey.objects.get(),
        "webhook": webhook,
        "delivery": make_delivery(webhook, event),
    }
    return WorldRows(owner, sessions, {name: node_id(row) for name, row in rows.items()})


def _used_token(user: User) -> ApiToken:
    make_api_token(user, Scope.EVENTS_READ)
    _mark_tokens_used()
    return ApiToken.objects.get()


def _mark_tokens_used() -> None:
    """Set the last use of all API tokens to now."""
    ApiToken.objects.update(last_used_at=timezone.now())


def build_world_with_tokens() -> WorldRows:
    """Build the world with API tokens (`TOKENS`) of the owner and the administrator."""
    rows = build_world()
    for kind in TOKEN_KINDS:
        user = User.objects.get(username=kind)
        rows.api_tokens.update({(kind, scopes): make_api_token(user, *scopes) for scopes in TOKENS})
    _mark_tokens_used()
    return rows


class World:
    """Clients of each kind on one executor, and the rows of their queries."""

    def __init__(self, executor: Executor, rows: WorldRows) -> None:
        self.executor = executor
        self.owner = rows.owner
        self.ids = rows.ids
        self.api_tokens = rows.api_tokens
        self.clients = {ANONYMOUS: GraphQLClient()}
        for kind, session in rows.sessions.items():
            self.clients[kind] = GraphQLClient(issue_access_token(session))

    def add_rows_for(self, type_name: str) -> None:
        """Add rows for one type, which would interfere with the tests of others."""
        if type_name == "AnalyticsDay":
            IntervalCounts.objects.create(interval="day", start="2026-01-01", sign_ups=1)
        if type_name == "ApiToken":
            ApiToken.objects.update(rotated_at=timezone.now())
        if type_name == "Webhook":
            Webhook.objects.update(
                disabled_at=timezone.now(),
                disabled_reason=WebhookDisabledReason.FAILING,
                failing_since=timezone.now(),
                previous_secret="x",
                previous_secret_expires_at=timezone.now() + HOUR,
            )
        if "deletion" in READS[type_name][0] or type_name == "User":
            # Like the suspension below.
            AccountDeletion.objects.create(user=self.owner, expires_at=timezone.now() + HOUR)
        if "suspension" in READS[type_name][0] or type_name == "User":
            # Without `is_active=False`, so that the owner can still authenticate.
            Suspension.objects.create(
                user=self.owner, reason="Spam", until=self.owner.date_joined.replace(year=2100)
            )

    def token_client(self, kind: str, scopes: frozenset[str]) -> GraphQLClient:
        """Return a client with an API token of the owner or the administrator."""
        secret = self.api_tokens.get((kind, scopes))
        if secret is None:
            secret = make_api_token(User.objects.get(username=kind), *scopes)
            _mark_tokens_used()
        return GraphQLClient(secret)

    def complete(self, document: str) -> str:
        """Substitute ids, and declare `$image` if the document uses it."""
        for name, id_ in self.ids.items():
            document = document.replace(f"${name}", json.dumps(id_))
        if "$image" in document:
            document = document.replace("mutation", "mutation ($image: Upload!)")
        return document

    def ask(self, client: str | GraphQLClient, document: str) -> Answer:
        ask = self.clients[client] if isinstance(client, str) else client
        completed = self.complete(document)
        is_anonymous = client == "anonymous"
        if "$image" in document:
            file = USERS if "importUsers" in document else make_image()
            return self.executor(partial(ask.upload, completed, file), is_anonymous=is_anonymous)
        return self.executor(partial(ask, completed), is_anonymous=is_anonymous)


def everything() -> str:
    """Return a snapshot of all rows, to detect changes."""
    with connection.cursor() as cursor:
        cursor.execute(_every_row())
        return "\n".join(f"{table}: {row}" for table, row in cursor.fetchall())


@cache
def _every_row() -> str:
    """Return a statement that selects each row as text with its table's name."""
    organizations = (Organization, Membership, OrganizationInvitation)
    factors = (Totp, Passkey, RecoveryCode, PendingLogIn)
    rest = (Session, ApiToken, Suspension, AccountDeletion, DataExport)
    jobs = (BulkAction, BulkFailure, UserExport, UserImport, SkippedRow)
    webhooks = (Webhook, WebhookDelivery)
    people = (User, Invitation, EmailAddress, EmailAddition, EmailChange, Profile, Metadata)
    models: tuple[Any, ...] = (
        *(*people, *rest, *factors, *jobs),
        *(Group, Permission, *organizations, *webhooks),
    )
    metas = [model._meta for model in models]
    many_to_many = [field for meta in metas for field in meta.many_to_many]
    tables = [meta.db_table for meta in metas] + [field.m2m_db_table() for field in many_to_many]
    selects = [
        f"""SELECT '{table}', it::text FROM "{table}" it"""  # noqa: S608 - no input
        for table in tables
    ]
    return " UNION ALL ".join(selects) + " ORDER BY 1, 2"


def outcome(answer: Answer) -> str:
    if answer.codes:
        return answer.codes[0]
    problems = answer.problems
    return problems[0][0] if problems else OK


def write(name: str) -> str:
    input_, _expected = WRITES[name]
    argument = f"(input: {input_})" if input_ else ""
    return f"mutation {{ {name}{argument} {{ errors {{ code field }} }} }}"
