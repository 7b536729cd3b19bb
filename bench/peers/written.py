"""Questions that the schemas written for strawberry-django and Mercurius share."""

from collections.abc import Callable, Mapping
from typing import Final

from bench.contestants import TYPENAME, NewUserKey, Question, WriteKey, account, graphql, typename

SESSION: Final = "{ me { id } }"
COUNT: Final = "{ users(first: 1) { totalCount } }"
# Neither has a sign-in of its own.
ABSENT: Final[Mapping[str, str]] = {
    "log_in": "has no sign-in",
    "refresh": "has no refresh tokens",
    "analytics": "has no analytics",
    "unchanged": "has no entity tags",
}


def shared_questions(
    *, write: str, create_user: str, argument: str, primary_key: Callable[[str], str] = str
) -> dict[str, Question]:
    """Return the questions whose answers have one form.

    Takes the documents of both mutations, the argument of the second one, and what makes an id a
    primary key.
    """

    def ask_write(key: WriteKey) -> bytes:
        return graphql(write, {"id": key.user_id, "bio": key.bio})

    def ask_create_user(key: NewUserKey) -> bytes:
        return graphql(create_user, {argument: account() | {"name": key.name}})

    return {
        "typename": Question(lambda _key: graphql(TYPENAME), typename),
        "session": Question(
            lambda key: graphql(SESSION, headers=key.headers),
            lambda answer: primary_key(answer["data"]["me"]["id"]),
        ),
        "count": Question(
            lambda _key: graphql(COUNT), lambda answer: answer["data"]["users"]["totalCount"]
        ),
        "write": Question(
            ask_write,
            lambda answer: answer["data"]["updateProfile"]["bio"],
            mark=lambda key: f'"bio":"{key.bio}"'.encode(),
        ),
        "create_user": Question(
            ask_create_user,
            lambda answer: answer["data"]["createUser"]["name"],
            mark=lambda key: f'"name":"{key.name}"'.encode(),
            single_use=True,
        ),
    }
