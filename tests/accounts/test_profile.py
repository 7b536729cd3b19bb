"""Changes of profiles."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from core.outbox.models import OutboxMessage
from tests.support.captured import Statements
from tests.support.client import Answer, GraphQLClient
from tests.support.factories import make_token, make_user
from tests.support.waiting import meanwhile
from users.accounts.models import Profile, User
from users.activity.models import Event
from users.activity.tags import Tag

Capture = Callable[[], AbstractContextManager[Statements]]
ClientOf = Callable[[User], GraphQLClient]

UPDATE = """
    mutation ($input: UpdateProfileInput!) {
      updateProfile(input: $input) {
        user { name isPublic profile { givenName familyName nickname bio website locale timeZone } }
        errors { code field message }
      }
    }
"""
# Alice's values before each test, and another valid value for each field.
BEFORE = {
    "name": "Alice Archer",
    "isPublic": False,
    "givenName": "",
    "familyName": "",
    "nickname": "",
    "bio": "",
    "website": "",
    "locale": "en",
    "timeZone": "UTC",
}
AFTER = {
    "name": "Älice \N{SNOWMAN}",
    "isPublic": True,
    "givenName": "Älice Ŭ",
    "familyName": "O’Archer-李",
    "nickname": "n" * 150,
    "bio": "b" * 500,
    "website": "https://example.org/?a=b#c",
    "locale": "de",
    "timeZone": "Europe/Berlin",
}
COLUMNS = {
    "isPublic": "is_public",
    "givenName": "given_name",
    "familyName": "family_name",
    "timeZone": "time_zone",
}


@pytest.fixture
def update(client_of: ClientOf, alice: User) -> Callable[..., Answer]:
    """Update Alice's profile as herself."""
    client = client_of(alice)
    return lambda **changes: client(UPDATE, input=changes)


def shown(answer: Answer) -> dict[str, Any]:
    """Return the fields of the user in the payload."""
    payload = answer.data["updateProfile"]
    assert payload["errors"] == []
    user: dict[str, Any] = dict(payload["user"])
    profile: dict[str, Any] = user.pop("profile")
    return user | profile


def stored() -> dict[str, Any]:
    """Return the fields of the only user in the database."""
    user, profile = User.objects.get(), Profile.objects.get()
    return {
        field: getattr(user if hasattr(user, column) else profile, column)
        for field, column in ((field, COLUMNS.get(field, field)) for field in BEFORE)
    }


def changes_nothing(captured: Statements) -> bool:
    return not any(word in sql for sql in captured for word in ("INSERT ", 'UPDATE "', "DELETE "))


@pytest.mark.parametrize("field", list(AFTER))
def test_each_field_changes_alone(
    update: Callable[..., Answer], statements: Capture, alice: User, field: str
) -> None:
    expected = BEFORE | {field: AFTER[field]}
    with statements() as captured:
        answer = update(**{field: AFTER[field]})
    assert shown(answer) == stored() == expected

    (written,) = [sql for sql in captured if 'UPDATE "' in sql]
    column = COLUMNS.get(field, field)
    table = "accounts_user" if column in {"name", "is_public"} else "accounts_profile"
    assert written.partition("UPDATE ")[2].split()[:3] == [f'"{table}"', "SET", f'"{column}"']
    assert written.count('" = ') == 2

    event = Event.objects.get()
    assert (event.tag, event.actor_id, event.subject_id) == (
        Tag.PROFILE_CHANGED,
        alice.pk,
        alice.pk,
    )
    assert event.session_id is not None
    assert event.data == {"fields": [column]}


def test_all_fields_change_together_in_one_event(update: Callable[..., Answer]) -> None:
    assert shown(update(**AFTER)) == stored() == AFTER
    event = Event.objects.get()
    assert event.data == {
        "fields": [
            *("name", "is_public", "given_name", "family_name", "nickname"),
            *("bio", "website", "locale", "time_zone"),
        ]
    }
    assert not OutboxMessage.objects.exists()


def test_fields_can_be_emptied(update: Callable[..., Answer]) -> None:
    update(**AFTER)
    empty = {
        "name": "",
        "givenName": "",
        "familyName": "",
        "nickname": "",
        "bio": "",
        "website": "",
    }
    assert shown(update(**empty)) == stored() == AFTER | empty


@pytest.mark.parametrize("changes", [{}, {"name": "Alice Archer"}, BEFORE], ids=len)
def test_unchanged_input_writes_nothing(
    update: Callable[..., Answer], statements: Capture, changes: dict[str, Any]
) -> None:
    with statements() as captured:
        answer = update(**changes)
    assert shown(answer) == stored() == BEFORE
    assert changes_nothing(captured)
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        ({"name": "n" * 151}, [("VALUE_INVALID", "name")]),
        ({"name": "a\0b"}, [("VALUE_INVALID", "name")]),
        ({"givenName": "n" * 151}, [("VALUE_INVALID", "givenName")]),
        ({"familyName": "n" * 151}, [("VALUE_INVALID", "familyName")]),
        ({"nickname": "a\0b"}, [("VALUE_INVALID", "nickname")]),
        ({"bio": "b" * 501}, [("VALUE_INVALID", "bio")]),
        ({"website": "example.org"}, [("VALUE_INVALID", "website")]),
        ({"website": "javascript:alert(1)"}, [("VALUE_INVALID", "website")]),
        ({"website": "ftp://example.org/"}, [("VALUE_INVALID", "website")]),
        ({"website": "https://" + "e" * 200 + ".org"}, [("VALUE_INVALID", "website")]),
        ({"locale": ""}, [("LOCALE_UNSUPPORTED", "locale")]),
        ({"locale": "f"}, [("LOCALE_UNSUPPORTED", "locale")]),
        ({"locale": "x" * 1_000}, [("LOCALE_UNSUPPORTED", "locale")]),
        ({"timeZone": ""}, [("TIME_ZONE_UNKNOWN", "timeZone")]),
        ({"timeZone": "Mars/Olympus"}, [("TIME_ZONE_UNKNOWN", "timeZone")]),
        ({"timeZone": "../../etc/passwd"}, [("TIME_ZONE_UNKNOWN", "timeZone")]),
        ({"timeZone": "europe/berlin"}, [("TIME_ZONE_UNKNOWN", "timeZone")]),
        (
            {"name": "fine", "bio": "b" * 501, "website": "x", "locale": "x", "timeZone": "x"},
            [
                ("VALUE_INVALID", "bio"),
                ("VALUE_INVALID", "website"),
                ("LOCALE_UNSUPPORTED", "locale"),
                ("TIME_ZONE_UNKNOWN", "timeZone"),
            ],
        ),
    ],
    ids=str,
)
def test_bad_values_are_refused_together_and_change_nothing(
    update: Callable[..., Answer], changes: dict[str, Any], problems: list[tuple[str, str]]
) -> None:
    answer = update(**changes)
    assert answer.problems == problems
    assert answer.data["updateProfile"]["user"] is None
    assert stored() == BEFORE
    assert not Event.objects.exists()


@pytest.mark.parametrize("field", list(BEFORE))
def test_null_is_refused(update: Callable[..., Answer], field: str) -> None:
    codes = {"locale": "LOCALE_UNSUPPORTED", "timeZone": "TIME_ZONE_UNKNOWN"}
    answer = update(**{field: None})
    assert answer.problems == [(codes.get(field, "VALUE_INVALID"), field)]
    assert stored() == BEFORE
    assert not Event.objects.exists()


def test_anonymous_client_is_refused(anonymous: GraphQLClient, alice: User) -> None:
    answer = anonymous(UPDATE, input={"name": "Mallory"})
    assert (answer.status, answer.codes) == (200, ["UNAUTHENTICATED"])
    assert stored() == BEFORE
    assert not Event.objects.exists()


def test_users_change_only_their_own_profile(client_of: ClientOf, alice: User, root: User) -> None:
    assert client_of(root)(UPDATE, input={"name": "Root"}).data["updateProfile"]["errors"] == []
    alice.refresh_from_db()
    root.refresh_from_db()
    assert (alice.name, root.name) == ("Alice Archer", "Root")


def test_concurrent_changes_are_overwritten(transactional_db: None) -> None:
    alice = make_user("alice")
    client = GraphQLClient(make_token(alice))
    former = Profile.objects.get(user=alice).bio
    change = f'mutation {{ updateProfile(input: {{bio: "{former}"}}) {{ errors {{ code }} }} }}'
    answer = meanwhile(
        alice,
        lambda: client(change),
        lambda: Profile.objects.filter(user=alice).update(bio="Came meanwhile."),
    )
    assert answer.problems == []
    assert Profile.objects.get(user=alice).bio == former
