"""A query never gets an answer under the visibility that its credential had before.

The answer of a request whose session's statement may go out with its first one is compared with
that of the same request afterwards, for which it does not. `CHANGES` draws another number of
changes, `SEED` others.
"""

import datetime as dt
import json
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any, Final

import pytest
from django.conf import settings as current
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.utils import timezone

from core.security.crypto import digest
from schema.documents import budget
from tests.support.client import Answer, GraphQLClient
from tests.support.factories import (
    make_api_token,
    make_cookie_session,
    make_organization,
    make_session,
    make_user,
    node_id,
)
from tests.support.pipelines import Pipelines, watched_pipelines
from tests.support.waiting import has_waiting_backend, wait_until
from users.accounts.models import User
from users.authentication.models import ApiToken, Session
from users.authentication.sessions.access_tokens import issue_access_token
from users.authentication.sessions.lookups import credential_cache
from users.organizations.models import Membership
from users.scopes import Scope

pytestmark = pytest.mark.django_db(transaction=True)

DRAWN: Final = int(os.environ.get("CHANGES", "500"))
SEED: Final = int(os.environ.get("SEED", "1"))
ALL: Final = [each.value for each in Scope]
FEW: Final = [Scope.USERS_READ.value]
PAGE: Final = "{ users(first: 3) { nodes { username email isActive } } }"


@pytest.fixture(autouse=True)
def pipelines() -> Iterator[Pipelines]:
    credential_cache.clear()
    with watched_pipelines() as pipelines:
        yield pipelines


class Stage:
    """A user with credentials of each kind, clients, and all that decides what they see."""

    def __init__(self, settings: Any) -> None:
        settings.SECOND_FACTOR_GRACE = dt.timedelta(0)
        settings.SECOND_FACTOR = "optional"
        settings.ACCESS_TOKEN_TTL = dt.timedelta(hours=9)
        self.alice = make_user("alice")
        self.root = make_user("root", is_staff=True, is_superuser=True)
        make_user("bob", is_public=True)
        self.club = make_organization("Club", self.root, self.alice)
        self.group = Group.objects.create(name="Readers")
        self.alice.groups.add(self.group)
        self.session = make_session(self.alice)
        cookie = make_cookie_session(self.alice)
        api_token = make_api_token(self.alice, *ALL)
        self.cookie_session = Session.objects.get(cookie_digest=digest(cookie))
        self.api_token = ApiToken.objects.get()
        self.narrow = Session.objects.create(
            user=self.alice,
            impersonator=self.root,
            impersonation_reason="Asked for it",
            expires_at=timezone.now() + dt.timedelta(minutes=59),
        )
        by_cookie = GraphQLClient()
        by_cookie.http.cookies[settings.SESSION_COOKIE] = cookie
        self.clients = (
            GraphQLClient(issue_access_token(self.session)),
            GraphQLClient(issue_access_token(self.narrow)),
            GraphQLClient(api_token),
            by_cookie,
        )
        self.documents = (
            PAGE,
            "{ me { username email groups { name } permissions { name } } }",
            f'{{ user(id: "{node_id(self.root)}") {{ username email }} }}',
            f"""{{ organization(id: "{node_id(self.club)}") {{
                members(first: 2) {{ nodes {{ role }} }}
            }} }}""",
            "{ organizations { nodes { name } } }",
            "{ groups { nodes { name } } }",
            "{ sessions { nodes { userAgent } } events(first: 2) { nodes { tag } } }",
            "{ __typename }",
            '{ users(first: 2, after: "no cursor") { nodes { id } } me { isStaff } }',
            "{ users(first: 1) { totalCount { value } } permissions { name } }",
            'mutation { createOrganization(input: {name: ""}) { errors { code field } } }',
            'mutation { createGroup(input: {name: ""}) { errors { code field } } }',
            "{ nothing }",
        )

    def change(self, rng: random.Random, point: str) -> None:
        """Commit a change of what the user may see, or of the credentials.

        Settings change between requests only: a process reads them when it starts. What a query's
        own statements read is not changed between them.
        """
        users = User.objects.filter(pk=self.alice.pk)
        sessions = Session.objects.filter(user=self.alice, impersonator=None)
        ends = timezone.now() + dt.timedelta(days=rng.choice((1, -1)))
        changes: tuple[Callable[[], object], ...] = (
            lambda: users.update(is_staff=not users.get().is_staff),
            lambda: users.update(is_superuser=not users.get().is_superuser),
            lambda: users.update(is_active=not users.get().is_active),
            lambda: users.update(second_factors=[] if users.get().second_factors else ["totp"]),
            lambda: sessions.update(expires_at=ends),
            lambda: self._limit_impersonation(rng.choice((20, -1))),
            lambda: ApiToken.objects.update(scopes=rng.choice((ALL, FEW))),
            lambda: ApiToken.objects.update(
                created_at=ends - dt.timedelta(days=2), expires_at=ends
            ),
            self._revoke,
            self._toggle_membership,
            self._toggle_group,
            lambda: setattr(current, "SECOND_FACTOR", rng.choice(("optional", "staff", "all"))),
        )
        rng.choice(changes[: {"between": None, "before": -1, "after": -3}[point]])()

    def restore(self, *, is_staff: bool) -> None:
        """Make all credentials valid, but an impersonation of staff."""
        now = timezone.now()
        User.objects.filter(pk=self.alice.pk).update(
            is_active=True, is_staff=is_staff, is_superuser=False, second_factors=[]
        )
        for each in (self.session, self.api_token):
            each.save(force_insert=not each._meta.model._base_manager.filter(pk=each.pk).exists())
        Session.objects.filter(impersonator=None).update(expires_at=now + dt.timedelta(days=1))
        self._limit_impersonation(20)
        current.SECOND_FACTOR = "optional"

    def _limit_impersonation(self, minutes: int) -> None:
        now = timezone.now()
        Session.objects.filter(pk=self.narrow.pk).update(
            created_at=now, expires_at=now + dt.timedelta(minutes=minutes)
        )

    def _revoke(self) -> None:
        """Delete the rows of the API token and the session, or have them again."""
        if ApiToken.objects.filter(pk=self.api_token.pk).delete()[0]:
            Session.objects.filter(pk=self.session.pk).delete()
        else:
            self.api_token.save(force_insert=True)
            self.session.save(force_insert=not Session.objects.filter(pk=self.session.pk).exists())

    def _toggle_membership(self) -> None:
        if not Membership.objects.filter(user=self.alice).delete()[0]:
            Membership.objects.create(user=self.alice, organization=self.club)

    def _toggle_group(self) -> None:
        if not self.alice.groups.filter(pk=self.group.pk).exists():
            self.alice.groups.add(self.group)
        else:
            self.alice.groups.remove(self.group)


def seen(answer: Answer) -> tuple[int, Any, str | None]:
    return answer.status, answer.body, answer.headers.get("WWW-Authenticate")


def test_no_answer_is_under_the_former_visibility(settings: Any, pipelines: Pipelines) -> None:
    # The fixture restores all settings; each of its own changes would nest them more deeply.
    rng = random.Random(SEED)  # noqa: S311 - the same changes every time
    stage = Stage(settings)
    settings.GRAPHQL_POINTS_PER_MINUTE = 0
    drawn: Counter[str] = Counter()

    def ask(*, alone: bool) -> tuple[int, Any, str | None]:
        current.DATABASE_PIPELINE = not alone
        return seen(client(document))

    for _number in range(DRAWN):
        current.FAST_PATH = rng.random() < 0.5
        client = rng.choice(stage.clients)
        document = rng.choice(stage.documents[: rng.choice((7, None))])
        if rng.random() < 0.5:
            stage.restore(is_staff=rng.random() < 0.3)
        if rng.random() < 0.8:
            # Most credentials are cached, and their statements prepared.
            ask(alone=False)
        point = rng.choice(("between", "before", "after"))
        sent, before = pipelines.executed, ask(alone=True)
        if point == "between":
            stage.change(rng, point)
        else:
            setattr(pipelines, point, partial(stage.change, rng, point))
        found = ask(alone=False)
        is_pipelined = pipelines.executed > sent
        pipelines.before = pipelines.after = None
        # What is committed after the statements is seen by the next request.
        expected = before if point == "after" and is_pipelined else ask(alone=True)
        assert found == expected, (point, document)
        assert ask(alone=False) == ask(alone=True)
        drawn[point] += is_pipelined
        drawn["visibly changed"] += found != before
    assert min(drawn[each] for each in ("between", "before", "after")) > DRAWN / 30, drawn
    assert drawn["visibly changed"] > DRAWN / 20, drawn


@pytest.fixture
def stage(settings: Any) -> Stage:
    stage = Stage(settings)
    for client in stage.clients:
        for _number in range(2):
            assert client(PAGE).codes == []
    return stage


@pytest.mark.usefixtures("path")
def test_a_query_is_one_pipeline_with_each_credential(stage: Stage, pipelines: Pipelines) -> None:
    for number, client in enumerate(stage.clients, start=pipelines.executed + 1):
        assert client(PAGE).codes == []
        assert pipelines.executed == number


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize(
    "document",
    [
        'mutation { updateProfile(input: {bio: "new"}) { errors { code } } }',
        "{ __typename }",
        "{ __schema { queryType { name } } }",
        "{ nothing }",
        "{",
    ],
)
def test_what_is_not_a_known_query_of_rows_is_none(
    stage: Stage, pipelines: Pipelines, document: str
) -> None:
    (client, *_others), sent = stage.clients, pipelines.executed
    for _number in range(3):
        client(document)
    assert pipelines.executed == sent


def test_nothing_is_sent_ahead_if_that_is_off(
    stage: Stage, pipelines: Pipelines, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (client, *_others), sent = stage.clients, pipelines.executed
    with connection.execute_wrapper(lambda execute, *given: execute(*given)):
        assert client(PAGE).codes == []
    with transaction.atomic():
        assert client(PAGE).codes == []
    with monkeypatch.context() as patched:
        patched.setattr(connection.connection, "prepare_threshold", None)
        assert client(PAGE).codes == []
    settings.DATABASE_PIPELINE = False
    assert client(PAGE).codes == []
    assert pipelines.executed == sent


def test_a_use_that_is_to_be_recorded_is_not_sent_ahead(stage: Stage, pipelines: Pipelines) -> None:
    client, _narrow, by_api_token, by_cookie = stage.clients
    then = timezone.now() - dt.timedelta(hours=1)
    for each in (client, by_api_token, by_cookie):
        Session.objects.update(last_seen_at=then)
        ApiToken.objects.update(last_used_at=then)
        sent = pipelines.executed
        # The first one finds a cached use that is recent, the second one what was read before
        # the use was recorded.
        assert [each(PAGE).codes for _number in range(3)] == [[], [], []]
        latest = [
            *Session.objects.values_list("last_seen_at", flat=True),
            *ApiToken.objects.values_list("last_used_at", flat=True),
        ]
        assert len([used for used in latest if used and used > then]) == 1
        assert pipelines.executed - sent == 2


@pytest.mark.parametrize("accepted", [3, 4])
def test_a_discarded_execution_is_charged_once(
    stage: Stage, pipelines: Pipelines, settings: Any, accepted: int
) -> None:
    (client, *_others), sent = stage.clients, pipelines.executed
    budget.CLIENTS.clear()
    settings.GRAPHQL_POINTS_PER_MINUTE = accepted
    for number in range(accepted):
        pipelines.before = partial(
            User.objects.filter(pk=stage.alice.pk).update, is_staff=number % 2 == 0
        )
        assert client(PAGE).codes == []
    assert pipelines.executed == sent + accepted
    assert client(PAGE).codes == ["RATE_LIMITED"]


def test_the_points_of_a_document_are_charged_once(
    stage: Stage, pipelines: Pipelines, settings: Any
) -> None:
    """A page of 100 users in each of three organisations costs four points."""
    client, *_others = stage.clients
    large = "{ organizations(first: 3) { nodes { members(first: 100) { nodes { role } } } } }"
    for _number in range(2):
        assert client(large).codes == []
    budget.CLIENTS.clear()
    settings.GRAPHQL_POINTS_PER_MINUTE = 6
    sent = pipelines.executed
    pipelines.before = partial(User.objects.filter(pk=stage.alice.pk).update, is_staff=True)
    assert client(large).codes == []
    assert pipelines.executed == sent + 1
    assert [client(PAGE).codes for _number in range(3)] == [[], [], ["RATE_LIMITED"]]


@pytest.mark.parametrize(
    ("change", "status"), [({"is_active": False}, 401), ({"is_staff": True}, 200)]
)
def test_a_change_while_the_sessions_statement_waits(
    stage: Stage, pipelines: Pipelines, change: dict[str, bool], status: int
) -> None:
    """The lock of a migration holds the pipeline in PostgreSQL while the change is committed."""
    (client, *_others), sent = stage.clients, pipelines.executed

    def ask() -> Answer:
        # On a connection of this thread, which has prepared the statements.
        connection.close()
        try:
            before = [client(PAGE) for _number in range(2)]
            assert [each.codes for each in before] == [[], []]
            ready.wait(10)
            ready.wait(10)
            return client(PAGE)
        finally:
            connection.close()

    ready = Barrier(2)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask)
        ready.wait(10)
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("LOCK TABLE authentication_session")
            ready.wait(10)
            wait_until(has_waiting_backend)
            User.objects.filter(pk=stage.alice.pk).update(**change)
        found = answer.result()
    assert pipelines.executed > sent
    assert found.status == status
    assert seen(found) == seen(client(PAGE))


def test_debugging_shows_no_statements_of_authentication(
    stage: Stage, pipelines: Pipelines, settings: Any
) -> None:
    (client, *_others), sent = stage.clients, pipelines.executed
    settings.GRAPHQL_DEBUG = True
    shown = [
        [each["reads"] for each in client.debug(PAGE).body["extensions"]["debug"]["statements"]]
        for settings.DATABASE_PIPELINE in (True, False)
    ]
    assert shown[0] == shown[1]
    assert pipelines.executed == sent


def test_a_session_that_ended_is_forgotten(stage: Stage, pipelines: Pipelines) -> None:
    (client, *_others), sent = stage.clients, pipelines.executed
    stage.session.delete()
    assert [client(PAGE).status for _number in range(3)] == [401] * 3
    assert pipelines.executed == sent + 1


def test_a_form_is_read_after_its_session(stage: Stage) -> None:
    """Django reads a form once, so nothing of it may have to be discarded."""
    client = stage.clients[0]

    def is_staff() -> bool:
        operations = json.dumps({"query": "{ me { isStaff } }"}).encode()
        answer = client.form(("operations", operations), ("map", b"{}"))
        assert answer.codes == []
        return bool(answer.data["me"]["isStaff"])

    for expected in (False, True, False):
        User.objects.filter(pk=stage.alice.pk).update(is_staff=expected)
        # By the first one the document and the session are known.
        assert [is_staff() for _time in range(2)] == [expected] * 2
