"""Filters by a group or an organisation that the planner's statistics do not know."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection

from engine.sql.filtered_page import LOOK_AHEAD
from tests.schema.test_plans import Directory
from tests.support.factories import node_id
from users.accounts.models import User
from users.organizations.models import Membership, Organization

PEOPLE = 8_000
NEW = 300
BATCH = 500


def add_members(name: str, users: list[User]) -> tuple[Group, Organization]:
    """Create a group and an organisation of the users."""
    group = Group.objects.create(name=name)
    organization = Organization.objects.create(name=name)
    # In batches that end within the statement's time-out on busy machines.
    for number in range(0, len(users), BATCH):
        batch = users[number : number + BATCH]
        group.user_set.add(*batch)
        Membership.objects.bulk_create(
            Membership(organization=organization, user=user) for user in batch
        )
    return group, organization


@pytest.mark.django_db
@pytest.mark.parametrize("number", [0, 1], ids=["group", "organization"])
def test_members_are_not_read_again_for_each_user(sam: User, number: int) -> None:
    users = User.objects.bulk_create(
        User(username=f"person{each}", email=f"{each}@example.org") for each in range(PEOPLE)
    )
    add_members("Old", users)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE accounts_user, accounts_user_groups, organizations_membership")
    new = node_id(add_members("New", users[-NEW:])[number])
    filters: list[dict[str, Any]] = [{"group": new}, {"membership": {"organization": new}}]
    directory = Directory(sam, {})
    for direction in ("ASC", "DESC"):
        by = {"field": "JOINED", "direction": direction}
        plan, page = directory.page(by=by, filter=filters[number])
        assert page["totalCount"]["value"] == NEW
        assert plan.rows <= 4 * LOOK_AHEAD
