"""Plans of every page of the admin: none counts or sorts a whole table.

The pages are derived from the registry, so a new one needs rows in `bench.admin_volume`.
"""

from typing import Final

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connection
from django.test import Client

from bench.admin_pages import pages
from bench.admin_volume import VOLUME
from core.database.roles.owner import as_owner
from tests.admin.support import change_url, make_administrator, sign_in
from tests.support.captured import bound_statements
from tests.support.plans import plan_of, wait_for_older_transactions
from users.accounts.models import User
from users.admin.lists import BoundedPaginator
from users.demo.management.commands.seed import Command
from users.organizations.models import Organization

USERS: Final = 15_000
# Rows of the smaller tables.
ROWS: Final = USERS // 5
COUNTED: Final = 100
# Of one statement: the counted rows, and those of a page for each of its joins.
READ: Final = 15 * COUNTED
KINDS: Final = {"list", "last page", "order", "form"}
# Other pages read what matches a filter or a search; `make bench-admin` measures them.
FILTERED: Final = (
    "/admin/activity/event/?created_at_to=1990-01-01",
    "/admin/webhooks/webhookdelivery/?created_at_to=1990-01-01",
    "/admin/webhooks/webhookdelivery/?created_at_from=2990-01-01",
    "/admin/organizations/organization/?q=qqq",
)


@pytest.fixture
def filled(transactional_db: None) -> None:
    """Fill all tables of the admin."""
    call_command(Command(), users=USERS, organizations=ROWS)
    # As the database owner, who has no statement timeout.
    with as_owner(), connection.cursor() as cursor:
        for _what, statement in VOLUME:
            cursor.execute(statement, {"n": ROWS})
        # Full, because earlier tests may have left large tables with few rows.
        cursor.execute("VACUUM (FULL, ANALYZE)")
    large = Group.objects.create(name="Large")
    members = large.user_set.through
    keys = User.objects.values_list("pk", flat=True)[:ROWS]
    members.objects.bulk_create(members(group=large, user_id=key) for key in keys)
    wait_for_older_transactions()


def reads(client: Client, url: str) -> dict[str, int]:
    """Return the rows that the statements of a page read, if they are too many."""
    with bound_statements() as statements:
        response = client.get(url)
    assert (url, response.status_code) == (url, 200)
    found = {sql: plan_of(sql).rows for sql in statements if sql.startswith("SELECT")}
    return {sql: rows for sql, rows in found.items() if rows > READ}


@pytest.mark.slow
def test_no_page_reads_a_whole_table(filled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BoundedPaginator, "limit", COUNTED)
    monkeypatch.setattr(BoundedPaginator, "searched", COUNTED)
    client = Client()
    sign_in(client, make_administrator())
    for model in admin.site._registry:  # noqa: SLF001 - Django's templates use it, too
        assert (model, model._base_manager.count() >= ROWS // 100) == (model, True)
    urls = [page.url for page in pages(client) if page.kind in KINDS]
    large = (Organization.objects.get(name="All Users Limited"), Group.objects.get(name="Large"))
    urls += [*map(change_url, large), *FILTERED]

    problems = {url: found for url in urls if (found := reads(client, url))}

    assert problems == {}
