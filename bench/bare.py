"""Hand-written statements for each scenario: the baseline of PostgreSQL's time.

They are prepared statements on one connection, without authentication, so their time is the minimum
for any service on PostgreSQL.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, LiteralString

import psycopg

from bench.contestants import PageKey
from bench.dataset import Dataset
from bench.machine import cpu_seconds
from bench.scenarios import Scenario

# Long compared to the clock ticks in which the system counts processor time.
SECONDS: Final = 3.0
PEOPLE: Final[LiteralString] = (
    "SELECT u.id, u.username, u.name, u.email, p.bio, p.website, u.date_joined"
    " FROM accounts_user u LEFT JOIN accounts_profile p ON p.user_id = u.id"
)
PAGE: Final[LiteralString] = (
    f"{PEOPLE} WHERE (u.date_joined, u.id) > (%s, %s) ORDER BY u.date_joined, u.id LIMIT 51"
)
FIRST_PAGE: Final[LiteralString] = f"{PEOPLE} ORDER BY u.date_joined, u.id LIMIT 51"
POINT: Final[LiteralString] = f"{PEOPLE} WHERE u.id = %s"
GROUPS: Final[LiteralString] = (
    "SELECT m.user_id, g.name FROM accounts_user_groups m JOIN auth_group g ON g.id = m.group_id"
    " WHERE m.user_id = ANY(%s) ORDER BY g.name"
)
ORGANIZATION: Final[LiteralString] = "SELECT id FROM organizations_organization WHERE id = %s"
MEMBERS: Final[LiteralString] = (
    "SELECT m.role, m.created_at, u.id, u.username, u.name, p.bio, p.website"
    " FROM organizations_membership m JOIN accounts_user u ON u.id = m.user_id"
    " LEFT JOIN accounts_profile p ON p.user_id = u.id"
    " WHERE m.organization_id = %s ORDER BY m.created_at, m.id LIMIT 51"
)

Run = Callable[[LiteralString, Sequence[Any]], list[Any]]


def milliseconds(dataset: Dataset, scenario: Scenario, keys: Sequence[Any]) -> float | None:
    """Return PostgreSQL's processor time for the statements of one request.

    None if the scenario has no statements here.
    """
    if scenario.name not in STATEMENTS:
        return None
    url = dataset.urls["DATABASE_URL"]
    with psycopg.connect(url, autocommit=True, prepare_threshold=0) as connection:
        # As in Roster's SESSION_PARAMETERS.
        connection.execute("SET plan_cache_mode = force_generic_plan")

        def run(statement: LiteralString, parameters: Sequence[Any]) -> list[Any]:
            return connection.execute(statement, parameters).fetchall()

        answer = STATEMENTS[scenario.name]
        questions = [_question(dataset, key) for key in keys]
        for question in questions:
            answer(run, question)
        answers, end, before = 0, time.monotonic() + SECONDS, cpu_seconds(dataset.postmaster)
        while time.monotonic() < end:
            for question in questions:
                answer(run, question)
            answers += len(questions)
        return (cpu_seconds(dataset.postmaster) - before) / answers * 1_000


def _question(dataset: Dataset, key: Any) -> Any:
    """Return a client's parameters; a page has the position of its predecessor."""
    if not isinstance(key, PageKey):
        return (key,)
    if key.after is None:
        return ()
    ((joined,),) = dataset.rows("SELECT date_joined FROM accounts_user WHERE id = %s", key.after)
    return joined, key.after


def _page(run: Run, behind: Sequence[Any]) -> None:
    rows = run(PAGE if behind else FIRST_PAGE, behind)
    run(GROUPS, ([row[0] for row in rows],))


def _point(run: Run, key: Sequence[Any]) -> None:
    run(POINT, key)
    run(GROUPS, (list(key),))


def _organization(run: Run, key: Sequence[Any]) -> None:
    run(ORGANIZATION, key)
    run(MEMBERS, key)


STATEMENTS: Final[Mapping[str, Callable[[Run, Sequence[Any]], None]]] = {
    "page50": _page,
    "point": _point,
    "org50": _organization,
}
