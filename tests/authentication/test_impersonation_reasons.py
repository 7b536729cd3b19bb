"""Reasons of impersonations are readable by administrators only."""

from collections.abc import Callable

import pytest
from django.contrib import admin
from django.test import Client
from graphql import GraphQLObjectType, get_named_type

from schema.root import schema
from tests.admin.support import (
    change_url,
    list_url,
    make_administrator,
    make_person,
    make_staff,
    sign_in,
)
from tests.authentication.test_impersonation import impersonate
from tests.support.client import GraphQLClient
from tests.support.factories import node_id
from users.accounts.models import User
from users.activity.models import Event
from users.admin.base import RosterAdmin
from users.authentication.models import Session

REASON = "Ticket 4711, about the invoice"


@pytest.fixture
def session(db: None, client_of: Callable[[User], GraphQLClient]) -> Session:
    """Return an impersonation of Mary by Rosa, with an event."""
    rosa, mary = make_administrator(), make_person("mary")
    payload = impersonate(client_of(rosa), mary, REASON).data["impersonateUser"]
    acting = GraphQLClient(payload["accessToken"])
    update = 'mutation { updateProfile(input: {name: "Mary M."}) { errors { code } } }'
    assert acting(update).problems == []
    return Session.objects.impersonations().get()


def pages_of(client: Client) -> dict[str, str]:
    """Return every list page and every row's page that the admin shows to the client."""
    found = {}
    for model, model_admin in admin.site._registry.items():  # noqa: SLF001 - no other way
        assert isinstance(model_admin, RosterAdmin)
        rows = [change_url(row) for row in model._base_manager.all()]
        for url in (
            list_url(model),
            f"{list_url(model)}?q=4711",
            f"{list_url(model)}?q=mary",
            *rows,
        ):
            response = client.get(url)
            if response.status_code == 200:
                found[url] = response.content.decode()
    return found


def test_staff_do_not_see_the_reason_in_the_admin(client: Client, session: Session) -> None:
    sign_in(client, make_staff())
    pages = pages_of(client)
    shown = pages[change_url(session)]
    assert "mary" in shown
    assert [url for url, page in pages.items() if REASON in page] == []
    # The impersonator is hidden as well: the name and the field's label.
    assert "rosa" not in shown
    assert "mpersonat" not in shown
    # The reason cannot be searched for, so it cannot be guessed letter by letter.
    url = list_url(Session)
    for lookup in ("impersonation_reason__startswith=T", f"impersonator={session.impersonator_id}"):
        assert client.get(f"{url}?{lookup}").status_code in {302, 400}


def test_administrators_see_the_reason_with_the_session(client: Client, session: Session) -> None:
    sign_in(client, make_administrator("rob"))
    pages = pages_of(client)
    assert REASON in pages[change_url(session)]
    assert "rosa" in pages[change_url(session)]


def selection(name: str, depth: int = 1) -> str:
    """Return a selection of all fields of a type without required arguments, recursively."""
    type_ = schema._schema.type_map[name]  # noqa: SLF001 - graphql-core's schema
    assert isinstance(type_, GraphQLObjectType)
    chosen = []
    for field_name, field in type_.fields.items():
        arguments = "(first: 3)" if "first" in field.args else ""
        inner = get_named_type(field.type)
        if not isinstance(inner, GraphQLObjectType):
            chosen.append(field_name)
        elif depth:
            chosen.append(f"{field_name}{arguments} {selection(inner.name, depth - 1)}")
    return "{ " + " ".join(["__typename", *chosen]) + " }"


@pytest.mark.parametrize("who", ["staff", "person"])
def test_api_hides_the_reason_from_staff_and_the_user(
    client_of: Callable[[User], GraphQLClient], session: Session, who: str
) -> None:
    reader = make_staff() if who == "staff" else session.user
    client = client_of(reader)
    mary = node_id(session.user)
    answers = [
        client(f"{{ sessions(first: 9) {{ nodes {selection('Session')} }} }}"),
        client(f'{{ sessions(first: 9, user: "{mary}") {{ nodes {selection("Session")} }} }}'),
        client(f"{{ events(first: 9) {{ nodes {selection('Event')} }} }}"),
        client(f'{{ user(id: "{mary}") {selection("User")} }}'),
        client(f'{{ node(id: "{node_id(session)}") {{ ... on Session {selection("Session")} }} }}'),
        *(
            client(f'{{ node(id: "{node_id(event)}") {{ ... on Event {selection("Event")} }} }}')
            for event in Event.objects.all()
        ),
    ]
    assert [answer.codes for answer in answers if "data" not in answer.body] == []
    assert any("isImpersonated" in str(answer.body) for answer in answers)
    assert [answer.body for answer in answers if REASON in str(answer.body)] == []


def test_administrators_read_the_reason_in_the_audit_trail(
    client_of: Callable[[User], GraphQLClient], session: Session
) -> None:
    answer = client_of(make_administrator("rob"))("{ events(first: 9) { nodes { personal } } }")
    assert REASON in str(answer.data)
