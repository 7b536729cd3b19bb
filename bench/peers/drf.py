"""Questions to Django REST framework."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import orjson

from bench import plain
from bench.contestants import NewUserKey, OnDjango, PageKey, Question, WriteKey, account
from bench.load import http_request


class RestFramework(OnDjango):
    """See `bench/peers/drf_urls.py`."""

    name = "drf"
    title = "Django REST framework"
    packages = ("djangorestframework", "drf-orjson-renderer")
    absent = {  # noqa: RUF012 - a ClassVar of the base
        "typename": "has no GraphQL",
        "log_in": "has no sign-in",
        "refresh": "has no refresh tokens",
        "analytics": "has no analytics",
        "unchanged": "has no entity tags",
    }
    urls = "bench.peers.drf_urls"

    def questions(self) -> dict[str, Question]:
        """Return all questions but those of GraphQL and of sign-in."""
        pages = Question(lambda key: _get(f"/users?{_cursor(key)}"), _page)
        return {
            "session": Question(
                lambda key: http_request("GET", "/me", headers=key.headers),
                lambda answer: answer["id"],
            ),
            "page": pages,
            "search": Question(lambda text: _get(f"/users?{urlencode({'search': text})}"), _page),
            "point": Question(lambda id_: _get(f"/users/{id_}"), plain.nested_user),
            "organization": Question(lambda id_: _get(f"/organizations/{id_}/members"), _members),
            "count": Question(lambda _key: _get("/users/count"), lambda answer: answer["count"]),
            "write": Question(
                _write, lambda answer: answer["bio"], mark=lambda key: f'"bio":"{key.bio}"'.encode()
            ),
            "create_user": Question(
                _create_user,
                lambda answer: answer["name"],
                mark=lambda key: f'"name":"{key.name}"'.encode(),
                single_use=True,
            ),
        }


def _get(path: str) -> bytes:
    return http_request("GET", path)


def _cursor(key: PageKey) -> str:
    if key.after is None:
        return ""
    position = b64encode(urlencode({"p": str(key.after)}).encode()).decode()
    return urlencode({"cursor": position})


def _write(key: WriteKey) -> bytes:
    return http_request("PATCH", f"/profiles/{key.user_id}", orjson.dumps({"bio": key.bio}))


def _create_user(key: NewUserKey) -> bytes:
    return http_request("POST", "/users/new", orjson.dumps(account() | {"name": key.name}))


def _page(answer: Mapping[str, Any]) -> plain.PlainAnswer:
    return plain.page(map(plain.nested_user, answer["results"]), more=answer["next"] is not None)


def _members(answer: Mapping[str, Any]) -> list[plain.PlainAnswer]:
    return [
        plain.nested_membership({**node, "createdAt": node["created_at"]})
        for node in answer["results"]
    ]
