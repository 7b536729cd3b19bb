"""One of everything and a client of each kind, for the tests of who may do what."""

import datetime as dt
import json
from collections.abc import Iterable
from functools import partial
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core import serializers
from django.utils import timezone

from core.actor import Actor
from tests.authorization import (
    ADMINISTRATOR,
    ANONYMOUS,
    OK,
    OWNER,
    READS,
    STAFF,
    USER,
    WRITES,
)
from tests.client import Answer, GraphQLClient
from tests.executors import Executor
from tests.factories import (
    make_api_token,
    make_bulk_action,
    make_factors,
    make_organization,
    make_organization_invitation,
    make_service,
    make_session,
    make_user,
    node_id,
)
from tests.pictures import picture
from users.accounts.models import (
    EmailAddition,
    EmailAddress,
    EmailChange,
    LastSeen,
    Metadata,
    Profile,
    User,
)
from users.activity.record import record
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
from users.authentication.tokens import issue_access_token
from users.bulk.models import BulkAction, BulkFailure
from users.organizations.models import Membership, Organization, OrganizationInvitation, Role
from users.privacy.models import AccountDeletion, DataExport
from users.scopes import Scope

HOUR = dt.timedelta(hours=1)


class World:
    """One owner with one of everything, and a client of each kind."""

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self.owner = make_user("owner", is_public=True, name="Olive Owner")
        Profile.objects.update(bio="Owns.", avatar="0" * 32, website="https://owner.example")
        make_factors(self.owner)
        administrator = make_user("administrator", is_staff=True, is_superuser=True)
        people = {
            USER: make_user("user"),
            OWNER: self.owner,
            STAFF: make_user("staff", is_staff=True),
            ADMINISTRATOR: administrator,
        }
        seen = self.owner.date_joined
        User.objects.update(email_verified_at=seen, email_undeliverable_at=seen)
        LastSeen.objects.update(at=seen)
        EmailAddress.objects.create(user=self.owner, email="owner@example.com", verified_at=seen)
        self.clients = {ANONYMOUS: GraphQLClient()}
        for kind, user in people.items():
            self.clients[kind] = GraphQLClient(issue_access_token(make_session(user)))
        group = Group.objects.create(name="Owners")
        group.permissions.add(Permission.objects.all()[0])
        self.owner.groups.add(group)
        shop = ContentType.objects.create(app_label="shop", model="custom")
        Permission.objects.create(content_type=shop, codename="sell", name="Can sell things")
        session = make_session(self.owner)
        agent = (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0"
        )
        Session.objects.filter(pk=session.pk).update(user_agent=agent, ip="192.0.2.1")
        event = record(
            Tag.USER_CHANGED,
            actor=Actor(user_id=administrator.pk, ip="192.0.2.9", user_agent="Firefox"),
            subject_id=self.owner.pk,
            personal={"old": "x"},
        )
        organization = make_organization("Owners", self.owner, role=Role.OWNER)
        member = make_user("member")
        Membership.objects.create(organization=organization, user=member)
        invitation = make_organization_invitation(
            organization, self.owner, email="invited@example.org"
        )
        deleted = make_user("deleted", is_active=False)
        AccountDeletion.objects.create(user=deleted, expires_at=timezone.now() + HOUR)
        DataExport.objects.create(
            user=self.owner, expires_at=timezone.now() + HOUR, ready_at=timezone.now()
        )
        self.ids = {
            "deleted": node_id(deleted),
            "owner": node_id(self.owner),
            "group": node_id(group),
            "session": node_id(session),
            "organization": node_id(organization),
            "member": node_id(member),
            "invitation": node_id(invitation),
            "event": node_id(event),
            "service": node_id(make_service("service")),
            "token": node_id(self._token()),
            "bulk": node_id(make_bulk_action(administrator, administrator)),
            "passkey": node_id(Passkey.objects.get()),
        }

    def _token(self) -> ApiToken:
        """Return a token of the owner's that was used."""
        make_api_token(self.owner, Scope.EVENTS_READ)
        ApiToken.objects.update(last_used_at=timezone.now())
        return ApiToken.objects.get()

    def add_what_is_told_of(self, type_name: str) -> None:
        """Add what only some tests can do with."""
        if type_name == "ApiToken":
            ApiToken.objects.update(rotated_at=timezone.now())
        if "deletion" in READS[type_name][0] or type_name == "User":
            # Like the suspension.
            AccountDeletion.objects.create(user=self.owner, expires_at=timezone.now() + HOUR)
        if "suspension" in READS[type_name][0] or type_name == "User":
            # A suspension that says nothing of `is_active`, lest the owner be nobody.
            Suspension.objects.create(
                user=self.owner, reason="Spam", until=self.owner.date_joined.replace(year=2100)
            )

    def token_client(self, kind: str, scopes: Iterable[str]) -> GraphQLClient:
        """Return a client with an API token of the owner's or the administrator's."""
        client = GraphQLClient(make_api_token(User.objects.get(username=kind), *scopes))
        # Its use was noted a moment ago.
        ApiToken.objects.update(last_used_at=timezone.now())
        return client

    def complete(self, document: str) -> str:
        """Return the document with ids, and with `$image` declared if that is asked for."""
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
            return self.executor(
                partial(ask.upload, completed, picture()), is_anonymous=is_anonymous
            )
        return self.executor(partial(ask, completed), is_anonymous=is_anonymous)


def everything() -> str:
    """Return all there is of people and what they have, to see whether it changed."""
    rows: list[Any] = []
    organizations = (Organization, Membership, OrganizationInvitation)
    factors = (Totp, Passkey, RecoveryCode, PendingLogIn)
    rest = (Session, ApiToken, Suspension, AccountDeletion, DataExport)
    bulk = (BulkAction, BulkFailure)
    people = (User, EmailAddress, EmailAddition, EmailChange, Profile, Metadata)
    own: tuple[Any, ...] = (*people, *rest, *factors, *bulk)
    for model in (*own, Group, Permission, *organizations):
        rows += model.objects.order_by("pk")
    memberships = list(User.groups.through.objects.order_by("pk").values_list())
    text: str = serializers.serialize("json", rows)
    return text + str(memberships)


def outcome(answer: Answer) -> str:
    if answer.codes:
        return answer.codes[0]
    problems = answer.problems
    return problems[0][0] if problems else OK


def write(name: str) -> str:
    input_, _expected = WRITES[name]
    argument = f"(input: {input_})" if input_ else ""
    return f"mutation {{ {name}{argument} {{ errors {{ code field }} }} }}"
