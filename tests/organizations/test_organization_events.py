"""Events about an organisation: readers, personal data, and the rows that are read."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from core.database.ids import new_id
from core.security.actor import Actor
from tests.schema.test_nested_statements import scans
from tests.support.captured import bound_statements
from tests.support.client import GraphQLClient
from tests.support.executors import Executor
from tests.support.factories import PASSWORD, make_api_token, make_organization, make_user, node_id
from tests.support.partitions import analyze_events
from tests.support.repeats import make_impersonation
from users.accounts.models import User
from users.activity.models import Event
from users.activity.services.record import record
from users.activity.tags import Tag
from users.authentication.sessions.access_tokens import issue_access_token
from users.organizations.models import Membership, Organization, Role
from users.organizations.services.invitations import (
    cancel_organization_invitation,
    invite_to_organization,
)
from users.organizations.services.members import change_role, leave_organization, remove_member
from users.organizations.services.organizations import (
    create_organization,
    delete_organization,
    rename_organization,
)
from users.scopes import Scope

ClientOf = Callable[[User], GraphQLClient]

EVENTS = """query ($id: ID!, $after: String) { organization(id: $id) {
  events(first: 3, after: $after) {
    nodes { id tag ip userAgent personal actor { username } subject { username } }
    pageInfo { hasNextPage endCursor } totalCount { value }
  }
} }"""
NODE = "query ($id: ID!) { node(id: $id) { ... on Event { tag ip } } }"
IP = "192.0.2.1"
# The small table of memberships is scanned for each of two conditions.
MEMBERSHIPS = 2 * 5


def by(user: User) -> Actor:
    return Actor(user_id=user.pk, ip=IP, user_agent="Firefox", is_superuser=user.is_superuser)


@pytest.fixture
def archers(alice: User, bob: User) -> Organization:
    """Return an organisation of Alice with two events: by her, and by an anonymous client."""
    organization = make_organization("Archers", alice, role=Role.OWNER)
    Membership.objects.create(organization=organization, user=bob, role=Role.MEMBER)
    rename_organization(organization.pk, actor=by(alice), name="Longbows")
    record(
        Tag.ORGANIZATION_INVITATION_DECLINED,
        actor=Actor(ip="198.51.100.9"),
        subject_id=new_id(),
        organization=organization.pk,
    )
    return organization


@pytest.fixture
def dora(archers: Organization) -> User:
    """Return an administrator of the organisation."""
    dora = make_user("dora")
    Membership.objects.create(organization=archers, user=dora, role=Role.ADMIN)
    return dora


def nodes(client: GraphQLClient, organization: Organization) -> list[dict[str, Any]]:
    found = client(EVENTS, id=node_id(organization)).data["organization"]["events"]
    assert found["totalCount"] == {"value": len(found["nodes"])}
    events: list[dict[str, Any]] = found["nodes"]
    return events


# Recording -------------------------------------------------------------------------------


@pytest.mark.usefixtures("transactional_db")
def test_every_event_of_an_organization_refers_to_it(alice: User, bob: User) -> None:
    alice.set_password(PASSWORD)
    alice.save()
    owner = by(alice)
    key = create_organization(actor=owner, name="Archers").pk
    organization = Organization.objects.get()
    rename_organization(key, actor=owner, name="Longbows")
    invitation = invite_to_organization(key, actor=owner, email="new@example.org")
    cancel_organization_invitation(invitation.pk, actor=owner)
    leaving: list[Callable[[], object]] = [
        lambda: remove_member(key, bob.pk, actor=owner),
        lambda: leave_organization(key, actor=by(bob)),
    ]
    for leave in leaving:
        Membership.objects.create(organization=organization, user=bob)
        change_role(key, bob.pk, actor=owner, role=Role.ADMIN)
        leave()
    delete_organization(key, actor=owner, password=PASSWORD)

    events = Event.objects.order_by("pk")
    assert {event.tag for event in events} == {
        *(Tag.ORGANIZATION_CREATED, Tag.ORGANIZATION_RENAMED, Tag.ORGANIZATION_DELETED),
        *(Tag.ORGANIZATION_INVITATION_SENT, Tag.ORGANIZATION_INVITATION_CANCELED),
        *(Tag.MEMBER_ROLE_CHANGED, Tag.MEMBER_REMOVED, Tag.MEMBER_LEFT),
    }
    assert {event.organization_id for event in events} == {key}
    assert {event.data["organization"] for event in events} == {str(key)}


def test_other_events_refer_to_no_organization(alice: User) -> None:
    event = record(Tag.LOGGED_IN, actor=by(alice), subject_id=alice.pk)
    assert (event.organization_id, event.data) == (None, {})


# Readers ---------------------------------------------------------------------------------


def test_events_are_newest_first(
    executor: Executor, client_of: ClientOf, alice: User, bob: User, archers: Organization
) -> None:
    for role in (Role.ADMIN, Role.MEMBER):
        change_role(archers.pk, bob.pk, actor=by(alice), role=role)
    chess = make_organization("Chess", alice, role=Role.OWNER)
    rename_organization(chess.pk, actor=by(alice), name="Go")
    client, after, tags = client_of(alice), None, []
    for _page in range(2):
        answer = executor(lambda after=after: client(EVENTS, id=node_id(archers), after=after))  # type: ignore[misc]
        events = answer.data["organization"]["events"]
        assert events["totalCount"] == {"value": 4}
        tags += [each["tag"] for each in events["nodes"]]
        after = events["pageInfo"]["endCursor"]
    assert tags == [
        *("MEMBER_ROLE_CHANGED", "MEMBER_ROLE_CHANGED"),
        *("ORGANIZATION_INVITATION_DECLINED", "ORGANIZATION_RENAMED"),
    ]


def test_managers_and_administrators_read_them(
    executor: Executor,
    client_of: ClientOf,
    archers: Organization,
    dora: User,
    alice: User,
    bob: User,
    sam: User,
    root: User,
) -> None:
    renamed = Event.objects.earliest("pk")
    for user, count in ((alice, 2), (dora, 2), (bob, 0), (sam, 0), (root, 2)):
        client = client_of(user)
        found = executor(lambda client=client: client(EVENTS, id=node_id(archers)))  # type: ignore[misc]
        assert len(found.data["organization"]["events"]["nodes"]) == count, user
        answer = executor(lambda client=client: client(NODE, id=node_id(renamed)))  # type: ignore[misc]
        assert (answer.data["node"] is not None) == (count > 0), user
    outsider = client_of(make_user("outsider"))
    assert outsider(EVENTS, id=node_id(archers)).data == {"organization": None}
    assert outsider(NODE, id=node_id(renamed)).data == {"node": None}
    assert GraphQLClient()(NODE, id=node_id(renamed)).data == {"node": None}


def test_personal_data_of_others_is_hidden(
    executor: Executor,
    client_of: ClientOf,
    archers: Organization,
    dora: User,
    alice: User,
    root: User,
) -> None:
    """Also of anonymous clients, who are no strangers to the organisation."""
    names = {"old": "Archers", "new": "Longbows"}
    for user, of_anonymous, of_alice in (
        (alice, (None, None, None), (IP, "Firefox", names)),
        (dora, (None, None, None), (None, None, None)),
        (root, ("198.51.100.9", None, {}), (IP, "Firefox", names)),
    ):
        client = client_of(user)
        answer = executor(lambda client=client: client(EVENTS, id=node_id(archers)))  # type: ignore[misc]
        found = answer.data["organization"]["events"]["nodes"]
        assert [(each["ip"], each["userAgent"], each["personal"]) for each in found] == [
            of_anonymous,
            of_alice,
        ], user
        assert found[1]["actor"] == {"username": "alice"}


def test_lists_of_users_have_none_of_them(
    client_of: ClientOf, archers: Organization, alice: User, bob: User
) -> None:
    """The audit trail and `User.events` have events about the user, also for managers."""
    change_role(archers.pk, bob.pk, actor=by(alice), role=Role.ADMIN)
    query = """query ($id: ID!) {
        events(first: 9) { nodes { tag } totalCount { value } }
        user(id: $id) { events(first: 9) { nodes { tag } totalCount { value } } }
    }"""
    nothing = {"nodes": [], "totalCount": {"value": 0}}
    mine = {"nodes": [{"tag": "MEMBER_ROLE_CHANGED"}], "totalCount": {"value": 1}}
    assert client_of(alice)(query, id=node_id(bob)).data == {
        "events": nothing,
        "user": {"events": nothing},
    }
    assert client_of(bob)(query, id=node_id(bob)).data == {"events": mine, "user": {"events": mine}}


def test_former_managers_read_nothing(
    client_of: ClientOf, archers: Organization, alice: User, dora: User
) -> None:
    client, renamed = client_of(dora), Event.objects.earliest("pk")
    assert len(nodes(client, archers)) == 2
    change_role(archers.pk, dora.pk, actor=by(alice), role=Role.MEMBER)
    assert nodes(client, archers) == []
    assert client(NODE, id=node_id(renamed)).data == {"node": None}


def test_suspended_managers_are_refused(
    client_of: ClientOf, archers: Organization, dora: User
) -> None:
    client = client_of(dora)
    token = GraphQLClient(make_api_token(dora, Scope.EVENTS_READ, Scope.ORGANIZATIONS_READ))
    User.objects.filter(pk=dora.pk).update(is_active=False)
    for each in (client, token):
        answer = each(EVENTS, id=node_id(archers))
        assert (answer.status, answer.codes) == (401, ["UNAUTHENTICATED"])


def test_tokens_need_both_scopes(archers: Organization, alice: User) -> None:
    renamed = Event.objects.earliest("pk")
    for scopes, count in (
        ([Scope.ORGANIZATIONS_READ], 0),
        ([Scope.ORGANIZATIONS_READ, Scope.EVENTS_READ], 2),
    ):
        client = GraphQLClient(make_api_token(alice, *scopes))
        assert len(nodes(client, archers)) == count
        assert (client(NODE, id=node_id(renamed)).data["node"] is not None) == (count > 0)
    client = GraphQLClient(make_api_token(alice, Scope.EVENTS_READ))
    assert client(EVENTS, id=node_id(archers)).codes == ["INSUFFICIENT_SCOPE"]
    assert client(NODE, id=node_id(renamed)).data == {"node": None}


def test_impersonation_reads_what_the_user_does(
    archers: Organization, alice: User, bob: User, root: User
) -> None:
    for user, ips in ((alice, [None, IP]), (bob, [])):
        client = GraphQLClient(issue_access_token(make_impersonation(user, root)))
        assert [each["ip"] for each in nodes(client, archers)] == ips


def test_events_outlive_their_organization(
    client_of: ClientOf, archers: Organization, alice: User, root: User
) -> None:
    key, renamed = archers.pk, Event.objects.earliest("pk")
    archers.delete()
    assert Event.objects.filter(organization_id=key).count() == 2
    assert client_of(root)(NODE, id=node_id(renamed)).data["node"]["ip"] == IP
    assert client_of(alice)(NODE, id=node_id(renamed)).data == {"node": None}


# What PostgreSQL reads -------------------------------------------------------------------


@pytest.fixture
def many_events(archers: Organization, alice: User, dora: User) -> list[Organization]:
    """Return two organisations with 4,000 of 40,000 events each; 400 events are about Alice.

    So the planner expects few rows of each condition, and none of two together.
    """
    chess = make_organization("Chess", dora, role=Role.OWNER)
    Membership.objects.create(organization=chess, user=alice)
    organizations = [archers, chess]
    keys = [organization.pk for organization in organizations] * 400
    keys += [new_id() for _number in range(400)]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO activity_event (id, tag, organization_id, subject_id, data, created_at)
            SELECT id, %s, (%s::uuid[])[1 + number %% 4000],
                CASE WHEN number %% 100 = 0 THEN %s::uuid ELSE gen_random_uuid() END, '{}', now()
            FROM unnest(%s::uuid[]) WITH ORDINALITY AS event(id, number)
            """,
            [Tag.MEMBER_LEFT.value, keys, alice.pk, [new_id() for _number in range(40_000)]],
        )
        analyze_events()
        cursor.execute("ANALYZE organizations_membership")
    return organizations


def test_lists_read_an_index_and_few_rows(
    client_of: ClientOf, many_events: list[Organization], alice: User, dora: User, root: User
) -> None:
    archers, chess = many_events
    query = """query ($id: ID!) { organization(id: $id) { events(first: 20) { nodes { tag } } } }"""
    for user, organization, count in (
        *((alice, archers, 20), (dora, archers, 20), (dora, chess, 20), (root, chess, 20)),
        # Of a member's organisation, no event is read.
        (alice, chess, 0),
    ):
        client = client_of(user)
        with bound_statements() as statements:
            answer = client(query, id=node_id(organization))
        assert len(answer.data["organization"]["events"]["nodes"]) == count, user
        (sql,) = [each for each in statements if '"activity_event"' in each]
        scanned, rows = scans(sql)
        assert "event_organization" in scanned
        assert rows <= (21 if count else 0) + MEMBERSHIPS, (user, sql)


def test_lists_of_several_organizations_read_few_rows(
    client_of: ClientOf, many_events: list[Organization], alice: User, dora: User
) -> None:
    query = "{ organizations(first: 9) { nodes { events(first: 20) { nodes { tag } } } } }"
    for user, counts in ((alice, [0, 20]), (dora, [20, 20])):
        client = client_of(user)
        with bound_statements() as statements:
            found = client(query).data["organizations"]["nodes"]
        assert [len(each["events"]["nodes"]) for each in found] == counts
        (sql,) = [each for each in statements if "lateral_parent" in each]
        scanned, rows = scans(sql)
        assert "event_organization" in scanned
        # Each row counts twice: in the index and in the table.
        assert rows <= 2 * 21 * len(counts) + MEMBERSHIPS, (user, sql)


def test_the_audit_trail_reads_few_rows_of_managers(
    client_of: ClientOf, many_events: list[Organization], alice: User
) -> None:
    client = client_of(alice)
    for query in (
        "{ events(first: 20) { nodes { tag } } }",
        "{ me { events(first: 20) { nodes { tag } } } }",
    ):
        with bound_statements() as statements:
            assert client(query).codes == []
        (sql,) = [each for each in statements if '"activity_event"' in each]
        scanned, rows = scans(sql)
        assert "event_subject" in scanned
        # No membership is read: the events are about the user.
        assert rows == 21, sql


def test_estimates_of_long_lists_do_not_shrink(
    client_of: ClientOf,
    many_events: list[Organization],
    alice: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("engine.relay.total_count.MAX_COUNT", 100)
    query = "{ events(first: 1) { totalCount { value isExact } } }"
    count = client_of(alice)(query).data["events"]["totalCount"]
    assert not count["isExact"]
    assert 300 <= count["value"] <= 500
