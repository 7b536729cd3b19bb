"""Query plans of lists with many users: rows read, and indexes used.

With 200,000 users in the suite, and with a million by `make test-plans`: the bounds are the same.
"""

import datetime as dt
import json
import os
from collections.abc import Callable
from itertools import product
from typing import Any
from uuid import UUID

import orjson
import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from core.database.roles.owner import as_owner
from core.database.search.texts import Fold, has_words
from core.security.actor import Actor
from core.security.crypto import digest, new_secret, seal
from engine.relay.keyset import Keyset
from engine.sql.filtered_page import LOOK_AHEAD
from tests.support.captured import bound_statements
from tests.support.client import GraphQLClient
from tests.support.factories import make_organization, make_token, node_id
from tests.support.plans import Plan, plan_of, wait_for_older_transactions
from users.accounts.filters import UserFilterSpec
from users.accounts.models import EmailAddress, LastSeen, Metadata, Profile, User
from users.accounts.orders import UserOrderField
from users.authentication.models import Session
from users.bulk.models import BulkAction
from users.bulk.services.run import PAGE as PAGE_OF_BULK_ACTION
from users.bulk.services.run import next_page
from users.demo.bulk import without_indexes
from users.demo.management.commands.seed import Command
from users.jobs.selection import Selection
from users.organizations.models import Organization

PEOPLE = int(os.environ.get("PEOPLE", "200_000"))
HUNDREDTH = PEOPLE // 100
PAGE = """
    query ($filter: UserFilter, $search: String, $by: UserOrder, $after: String) {
      users(first: 50, filter: $filter, search: $search, orderBy: $by, after: $after) {
        edges { cursor node { id } }
        totalCount { value }
      }
    }
"""
DIRECTIONS = ("ASC", "DESC")
INDEXES = {
    "USERNAME": "user_username_unique",
    "NAME": "user_order_name",
    "EMAIL": "user_email_unique",
    "JOINED": "user_order_joined",
    "LAST_SEEN": "user_order_last_seen",
}
# Filters that match half of the users, or more.
COMMON_FILTERS: list[dict[str, Any]] = [
    {"isActive": True},
    {"isVerified": True},
    {"isStaff": False},
    {"locale": "en"},
    {"publicMetadata": {"plan": "team"}},
    {"not": {"privateMetadata": {"crm": {"id": "few"}}}},
    {"not": {"emailDomain": "rare.example"}},
    {"not": {"group": "rare"}},
    {"not": {"membership": {"organization": "rare organization"}}},
    {"or": [{"isActive": True}, {"membership": {"organization": "rare organization"}}]},
]
# Filters that match ten users, and the index to use.
RARE_FILTERS: list[tuple[dict[str, Any], str]] = [
    ({"isStaff": True}, "user_staff"),
    ({"locale": "fr"}, "profile_locale"),
    ({"publicMetadata": {"plan": "few"}}, "metadata_public"),
    ({"privateMetadata": {"crm": {"id": "few"}}}, "metadata_private"),
    ({"emailDomain": "rare.example"}, "user_email_domain"),
    ({"group": "rare"}, "accounts_user_groups_group_id"),
    ({"membership": {"organization": "rare organization"}}, "membership_"),
    ({"membership": {"organization": "rare organization", "role": "MEMBER"}}, "membership_"),
    ({"joined": {"before": "1990-01-01T00:00:00Z"}}, "user_order_joined"),
    ({"lastSeen": {"since": "2090-01-01T00:00:00Z"}}, "user_order_last_seen"),
    ({"and": [{"isActive": True}, {"emailDomain": "rare.example"}]}, "user_email_domain"),
    ({"or": [{"isStaff": True}, {"group": "rare"}]}, "user_staff"),
    ({"or": [{"emailDomain": "rare.example"}, {"locale": "fr"}]}, "profile_locale"),
]
# Filters that match one user.
SINGLE: list[tuple[dict[str, Any], str]] = [
    ({"username": "ada"}, "user_username_unique"),
    ({"email": "0@rare.example"}, "user_email_unique"),
    ({"email": "second@rare.example"}, "accounts_user_pkey"),
    ({"ids": ["rare user"]}, "accounts_user_pkey"),
    ({"or": [{"email": "0@rare.example"}, {"ids": ["rare user"]}]}, "accounts_user_pkey"),
]
# Metadata of all users.
NOTES = """
    INSERT INTO accounts_metadata (user_id, public, private)
    SELECT id, '{"plan": "team"}', jsonb_build_object('crm', jsonb_build_object('id', id))
    FROM accounts_user
"""
# The admin's lists, which use page numbers instead of cursors: first and last page.
ADMIN_PAGES = [
    "accounts/user/?p=200",
    "accounts/user/?o=-1&p=200",
    "accounts/user/?q=maria",
    "accounts/user/?q=maria&p=20",
    "accounts/user/?q=zzyzx",
    "accounts/user/?q=mar&o=-5",
    "accounts/user/?is_staff__exact=1",
    "accounts/user/?is_active__exact=1&q=zzyzx",
    "accounts/user/?groups__id__exact=1",
    "accounts/profile/?q=maria",
    "accounts/profile/?q=zzyzx",
    "accounts/metadata/?q=maria",
    "authentication/session/?q=maria",
    "authentication/session/?expires_at_to=1990-01-01",
    "organizations/membership/?q=zzyzx",
    "organizations/membership/?q=maria&p=20",
]
# Bound of rows read: twice the count limit, for a page by four indexes and a common search.
ADMIN_ROWS = 150_000
SEARCHES = [
    "zzyzx",
    "ora",
    "mar",
    "ma",
    "m",
    "maria garcia",
    "1234",
    "example",
    "太郎",
    "мария",
    "o’b",
]


class Directory:
    """A client of the directory that explains its statements."""

    def __init__(self, user: User, ids: dict[str, str]) -> None:
        self.client = GraphQLClient(make_token(user))
        self.ids = ids

    def page(self, **variables: Any) -> tuple[Plan, dict[str, Any]]:
        """Return the reads of the page's statement, and the page."""
        text = json.dumps(variables)
        for name, id_ in self.ids.items():
            text = text.replace(f'"{name}"', f'"{id_}"')
        with bound_statements() as statements:
            users = self.client(PAGE, **json.loads(text)).data["users"]
        # Actor, page, and one or two counts.
        return plan_of(statements[1]), users


def bulk_page(selection: Selection, cursor: UUID | None) -> tuple[Plan, int]:
    """Return the reads of a bulk action's next batch, and the batch's size."""
    root = User.objects.get(username="ada")
    actor = Actor(user_id=root.pk, is_staff=True, is_superuser=True)
    bulk_action = BulkAction(selection=selection.to_json(), cursor=cursor)
    with bound_statements() as statements:
        people = next_page(bulk_action, actor=actor)
    (sql,) = statements
    return plan_of(sql), len(people)


def look_at_bulk_actions(check: Callable[..., None]) -> None:
    """Check the batches of bulk actions, at the start and in the middle."""
    (middle,) = User.objects.order_by("pk").values_list("pk", flat=True)[PEOPLE // 2 :][:1]
    rare = Group.objects.get(name="Rare").pk
    conditions: list[dict[str, Any]] = [
        *({"is_active": True}, {"is_staff": True}, {"email_domain": "rare.example"}),
        *({"group": rare}, {"locale": "fr"}, {"locale": "en"}),
    ]
    for condition, cursor in product(conditions, (None, middle)):
        plan, count = bulk_page(Selection(UserFilterSpec(condition)), cursor)
        assert count in {0, 10, 12, PAGE_OF_BULK_ACTION}
        check((condition, cursor), plan, limit=4 * LOOK_AHEAD, index="_")
    for cursor in (None, middle):
        plan, _count = bulk_page(Selection(), cursor)
        check(("all users", cursor), plan, limit=200, index="accounts_user_pkey")


def look_at_organizations(check: Callable[..., None]) -> None:
    """Check the search of organisations, in each order."""
    client = GraphQLClient(make_token(User.objects.get(username="ada")))
    query = """query ($search: String, $by: OrganizationOrder) {
        organizations(first: 50, search: $search, orderBy: $by) { nodes { id } }
    }"""
    for search, order, way in product(("zzyzx", "ora", "a"), ("NAME", "CREATED"), DIRECTIONS):
        by = {"field": order, "direction": way}
        with bound_statements() as statements:
            assert client(query, search=search, by=by).codes == []
        check((search, by), plan_of(statements[1]), limit=4 * LOOK_AHEAD, index="organization_")
    with bound_statements() as statements:
        list(Organization.objects.filter(has_words(Fold("name"), ["rare"])))
    check("one word", plan_of(statements[0]), limit=100, index="organization_search")


def look_at_members_of_groups(check: Callable[..., None], ids: dict[str, str]) -> None:
    """Check the members of a small and of a large group."""
    client = GraphQLClient(make_token(User.objects.get(username="ada")))
    query = """query ($id: ID!) { node(id: $id) { ... on Group {
        members(first: 50) { nodes { user { username } } }
    } } }"""
    for name, count in (("rare", 10), ("large", 50)):
        with bound_statements() as statements:
            found = client(query, id=ids[name]).data["node"]["members"]["nodes"]
        assert len(found) == count
        index = "accounts_user_groups_group_id_user_id"
        check(name, plan_of(statements[2]), limit=4 * count, index=index)


def deep_cursor(order: str, direction: str) -> str:
    """Return the cursor of a user in the middle."""
    people = User.objects.in_order(UserOrderField[order], descending=direction == "DESC").only("pk")
    keyset = Keyset.of(people)
    positions = people.only("pk").annotate(**keyset.positions())
    # As the database owner, who has no statement timeout.
    with as_owner():
        position = keyset.position_of(positions[PEOPLE // 2])
    return seal(orjson.dumps(position), purpose="cursor", context=f"UserConnection.{keyset.name}")


@pytest.fixture
def ids(transactional_db: None, settings: Any) -> dict[str, str]:
    """Create users, ten of whom match the filters; return ids by name."""
    settings.DEMO_PASSWORD = "any phrase will do here"
    call_command(Command(), users=PEOPLE, organizations=PEOPLE // 50)
    active = User.objects.filter(is_staff=False, is_active=True).exclude(username="alan")
    ten = list(active.order_by("-pk")[:10])
    people = User.objects.filter(pk__in=[user.pk for user in ten])
    for number, user in enumerate(ten):
        people.filter(pk=user.pk).update(email=f"{number}@rare.example")
    people.update(is_staff=True, date_joined="1980-01-01T00:00Z", name="Zzyzx")
    LastSeen.objects.filter(user__in=people).update(at="2100-01-01T00:00Z")
    Profile.objects.filter(user__in=people).update(locale="fr")
    # As the database owner, who has no statement timeout.
    with as_owner(), without_indexes([Metadata]), connection.cursor() as cursor:
        cursor.execute(NOTES)
    noted = Metadata.objects.filter(user__in=people)
    noted.update(public={"plan": "few"}, private={"crm": {"id": "few"}})
    rare = Group.objects.create(name="Rare")
    rare.user_set.set(people)
    large = Group.objects.create(name="Large")
    memberships = large.user_set.through
    memberships.objects.bulk_create(
        memberships(group=large, user_id=key)
        for key in User.objects.values_list("pk", flat=True)[:20_000]
    )
    organization = make_organization("Rare", *ten)
    EmailAddress.objects.create(
        user=ten[0], email="second@rare.example", verified_at=timezone.now()
    )
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    wait_for_older_transactions()
    rows = {"large": large, "rare": rare, "rare organization": organization, "rare user": ten[0]}
    return {name: node_id(row) for name, row in rows.items()}


def admin_pages_that_read_too_much(cookie: str) -> list[tuple[str, int]]:
    """Return the pages that read more than `ADMIN_ROWS` rows, and how many."""
    client = Client()
    client.cookies[cookie] = secret = new_secret()
    Session.objects.create(
        user=User.objects.get(username="ada"),
        cookie_digest=digest(secret),
        expires_at=timezone.now() + dt.timedelta(days=1),
    )
    found = []
    for page in ADMIN_PAGES:
        with bound_statements() as statements:
            response = client.get(f"/admin/{page}")
        assert (page, response.status_code) == (page, 200)
        rows = sum(plan_of(sql).rows for sql in statements if sql.startswith("SELECT"))
        if rows > ADMIN_ROWS:
            found.append((page, rows))
    return found


@pytest.mark.slow
def test_lists_read_a_bounded_number_of_rows(ids: dict[str, str], settings: Any) -> None:
    directory = Directory(User.objects.get(username="ada"), ids)
    problems = []

    def check(what: object, plan: Plan, *, limit: int, index: str) -> None:
        if plan.rows > limit or not any(index in name for name in plan.indexes):
            problems.append((what, plan))

    moments = User.objects.order_by("date_joined").values_list("date_joined", flat=True)
    since, before = moments[PEOPLE // 2], moments[PEOPLE // 2 + HUNDREDTH]
    week = {"since": since.isoformat(), "before": before.isoformat()}
    for order, index in INDEXES.items():
        for direction in DIRECTIONS:
            by = {"field": order, "direction": direction}
            plan, users = directory.page(by=by)
            check(by, plan, limit=200, index=index)
            plan, _users = directory.page(by=by, after=deep_cursor(order, direction))
            check((by, "deep"), plan, limit=200, index=index)
            for common in COMMON_FILTERS:
                plan, users = directory.page(by=by, filter=common)
                assert len(users["edges"]) == 50
                check((by, common), plan, limit=4 * LOOK_AHEAD, index=index)
            for rare, own_index in (*RARE_FILTERS, *SINGLE):
                plan, users = directory.page(by=by, filter=rare)
                # Including two staff of the demo.
                counts = {1} if (rare, own_index) in SINGLE else {10, 12}
                assert users["totalCount"]["value"] in counts, rare
                check((by, rare), plan, limit=4 * LOOK_AHEAD, index=own_index)
            plan, _users = directory.page(by=by, filter={"joined": week})
            # By the filter's index, in the table, and for the order.
            check((by, week), plan, limit=4 * LOOK_AHEAD + 3 * HUNDREDTH, index="user_")
    assert problems == []

    look_at_bulk_actions(check)
    look_at_organizations(check)
    look_at_members_of_groups(check, ids)
    assert problems == []

    for username, column in (("ada", "private_search_text"), ("alan", "search_text")):
        directory = Directory(User.objects.get(username=username), ids)
        for text in SEARCHES:
            # The index finds the words; visibility is checked on the rows.
            found = User.objects.filter(has_words(column, text.split()))
            limit = 4 * LOOK_AHEAD + 3 * found.count()
            for chosen in (
                None,
                *({"field": "USERNAME", "direction": direction} for direction in DIRECTIONS),
            ):
                plan, _users = directory.page(by=chosen, search=text)
                check((username, text, chosen), plan, limit=limit, index="user")
    assert problems == []
    assert admin_pages_that_read_too_much(settings.SESSION_COOKIE) == []
