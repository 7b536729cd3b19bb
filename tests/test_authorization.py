"""Who may do what, as the tables of `tests.authorization` have it; a field without a row fails.

The policy is held whichever executor answers: the engine, or graphql-core without it.
"""

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core import serializers
from graphql import GraphQLObjectType, get_named_type, is_leaf_type

from core.actor import Actor
from tests.authorization import (
    ADMINISTRATOR,
    ANONYMOUS,
    ARGUMENTS,
    KINDS,
    OK,
    OWNER,
    READS,
    STAFF,
    STRUCTURE,
    UNAUTHENTICATED,
    USER,
    WRITES,
)
from tests.client import Answer, GraphQLClient
from tests.documents import SCHEMA
from tests.executors import Executor
from tests.factories import (
    make_organization,
    make_organization_invitation,
    make_session,
    make_user,
    node_id,
)
from tests.pictures import picture
from users.accounts.models import EmailAddress, LastSeen, Metadata, Profile, User
from users.activity.record import record
from users.activity.tags import Tag
from users.authentication.models import Session, Suspension
from users.authentication.tokens import issue_access_token
from users.organizations.models import (
    Membership,
    Organization,
    OrganizationInvitation,
    Role,
)


class World:
    """One owner with one of everything, and a client of each kind."""

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self.owner = make_user("owner", is_public=True, name="Olive Owner")
        Profile.objects.update(bio="Owns.", avatar="0" * 32, website="https://owner.example")
        administrator = make_user("administrator", is_staff=True, is_superuser=True)
        people = {
            USER: make_user("user"),
            OWNER: self.owner,
            STAFF: make_user("staff", is_staff=True),
            ADMINISTRATOR: administrator,
        }
        seen = self.owner.date_joined
        User.objects.update(email_verified_at=seen)
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
        self.ids = {
            "owner": node_id(self.owner),
            "group": node_id(group),
            "session": node_id(session),
            "organization": node_id(organization),
            "member": node_id(member),
            "invitation": node_id(invitation),
            "event": node_id(event),
        }

    def ask(self, kind: str, document: str) -> Answer:
        if "$image" in document:
            document = document.replace("mutation", "mutation ($image: Upload!)")
            return self.executor(partial(self.clients[kind].upload, document, picture()))
        for name, id_ in self.ids.items():
            document = document.replace(f"${name}", json.dumps(id_))
        return self.executor(partial(self.clients[kind], document))


@pytest.fixture
def world(db: None, executor: Executor) -> World:
    return World(executor)


def readable(type_name: str) -> Iterator[tuple[str, str, set[str]]]:
    """Yield each field of a type with its document and its readers."""
    path, fields = READS[type_name]
    for name, readers in fields.items():
        field = SCHEMA.type_map[type_name].fields[name]
        inner = "" if is_leaf_type(get_named_type(field.type)) else " { __typename }"
        selection = f"it: {name}{ARGUMENTS.get(f'{type_name}.{name}', '')}{inner}"
        yield name, f"{{ {path.replace('FIELD', selection)} }}", readers


def is_told(answer: Answer) -> bool:
    """Return whether the field called `it` has a value."""
    found: Any = answer.body.get("data")
    while isinstance(found, dict | list) and found:
        if isinstance(found, dict) and "it" in found:
            return found["it"] is not None
        found = found[0] if isinstance(found, list) else next(iter(found.values()))
    return False


@pytest.mark.parametrize("type_name", READS)
def test_fields_are_told_to_their_readers_only(world: World, type_name: str) -> None:
    if "suspension" in READS[type_name][0] or type_name == "User":
        # A suspension that says nothing of `is_active`, lest the owner be nobody.
        Suspension.objects.create(
            user=world.owner, reason="Spam", until=world.owner.date_joined.replace(year=2100)
        )
    for name, document, readers in readable(type_name):
        told = {kind for kind in KINDS if is_told(world.ask(kind, document))}
        assert told == readers, f"{type_name}.{name}"


@pytest.mark.parametrize("type_name", READS)
def test_suspended_people_read_nothing(world: World, type_name: str) -> None:
    User.objects.filter(pk=world.owner.pk).update(is_active=False)
    for _name, document, _readers in readable(type_name):
        answer = world.ask(OWNER, document)
        assert (answer.status, answer.codes) == (401, [UNAUTHENTICATED])


def everything() -> str:
    """Return all there is of people and what they have, to see whether it changed."""
    rows: list[Any] = []
    organizations = (Organization, Membership, OrganizationInvitation)
    for model in (
        User,
        EmailAddress,
        Metadata,
        Profile,
        Group,
        Permission,
        Session,
        Suspension,
        *organizations,
    ):
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


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", WRITES)
def test_mutations_work_for_those_who_may(world: World, name: str, kind: str) -> None:
    _input, expected = WRITES[name]
    before = everything()
    assert outcome(world.ask(kind, write(name))) == expected[kind]
    if expected[kind] != OK:
        assert everything() == before


@pytest.mark.parametrize("name", WRITES)
def test_suspended_people_change_nothing(world: World, name: str) -> None:
    User.objects.filter(pk=world.owner.pk).update(is_active=False)
    before = everything()
    answer = world.ask(OWNER, write(name))
    assert (answer.status, answer.codes) == (401, [UNAUTHENTICATED])
    assert everything() == before


# The tables are complete -----------------------------------------------------------------


def test_every_field_has_a_row() -> None:
    types = {
        name: set(type_.fields)
        for name, type_ in SCHEMA.type_map.items()
        if isinstance(type_, GraphQLObjectType)
        and not name.startswith("__")
        and not name.endswith(STRUCTURE)
    }
    assert {name: set(fields) for name, (_path, fields) in READS.items()} == types


def test_every_mutation_has_a_row() -> None:
    mutations = SCHEMA.mutation_type
    assert mutations is not None
    assert set(WRITES) == set(mutations.fields)
    for _input, expected in WRITES.values():
        assert set(expected) == set(KINDS)


def test_payloads_tell_people_as_everything_else_does() -> None:
    """Answers of mutations reach people through `visible_to`, or tell scalars alone."""
    told: Callable[[Any], bool] = lambda field: not is_leaf_type(get_named_type(field.type))  # noqa: E731
    reached = {
        get_named_type(field.type).name
        for name, type_ in SCHEMA.type_map.items()
        if name.endswith("Payload") and isinstance(type_, GraphQLObjectType)
        for field in type_.fields.values()
        if told(field)
    }
    assert reached <= {
        *("User", "Group", "Permission", "InputError"),
        *("Organization", "OrganizationInvitation", "Membership"),
    }
