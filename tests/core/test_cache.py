"""The cached resolver returns fresh values after writes and works without Redis."""

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.cache import caches
from django.test import override_settings

from core.security.actor import SYSTEM
from tests.support.captured import Statements
from tests.support.client import GraphQLClient
from tests.support.redis_servers import kill, redis_server
from users.accounts.models import User
from users.accounts.services.administration import change_user
from users.accounts.services.groups import update_group
from users.accounts.services.set_change import SetChange

ME = "{ me { permissions } }"

Capture = Callable[[], AbstractContextManager[Statements]]
ClientOf = Callable[[User], GraphQLClient]


@pytest.fixture
def editors(db: None) -> Group:
    group = Group.objects.create(name="Editors")
    group.permissions.set(Permission.objects.filter(codename="view_user"))
    return group


def permissions(client: GraphQLClient) -> list[str]:
    found: list[str] = client(ME).data["me"]["permissions"]
    return found


def test_second_read_uses_the_cache(alice: User, client_key: ClientOf, statements: Capture) -> None:
    client = client_key(alice)
    with statements() as first:
        client(ME)
    with statements() as second:
        client(ME)

    # The actor and the user; on a cache miss, the permissions as well.
    assert (len(first), len(second)) == (3, 2)


def test_read_after_a_write_is_fresh(alice: User, editors: Group, client_key: ClientOf) -> None:
    client = client_key(alice)
    assert permissions(client) == []

    change_user(alice.pk, actor=SYSTEM, groups=SetChange.to([editors.pk]))
    assert permissions(client) == ["accounts.view_user"]

    more = Permission.objects.filter(codename__in=["view_user", "view_profile"])
    both = SetChange.to(more.values_list("pk", flat=True))
    update_group(editors.pk, actor=SYSTEM, permissions=both)
    assert permissions(client) == ["accounts.view_profile", "accounts.view_user"]

    change_user(alice.pk, actor=SYSTEM, groups=SetChange.to([]))
    assert permissions(client) == []


def test_rolled_back_write_changes_no_cached_value(
    alice: User, editors: Group, client_key: ClientOf
) -> None:
    Group.objects.create(name="Taken")
    change_user(alice.pk, actor=SYSTEM, groups=SetChange.to([editors.pk]))
    before = permissions(client_key(alice))

    with pytest.raises(Exception, match="VALUE_INVALID"):
        update_group(editors.pk, actor=SYSTEM, name="Taken", permissions=SetChange.to([]))

    assert permissions(client_key(alice)) == before == ["accounts.view_user"]


@contextmanager
def cache_at(settings: Any, url: str) -> Iterator[None]:
    """Use another cache server within the block."""
    backend = settings.CACHES["default"] | {"LOCATION": url}
    with override_settings(CACHES=settings.CACHES | {"default": backend}):
        yield
        caches.close_all()


def test_stopping_redis_costs_statements_only(
    alice: User,
    editors: Group,
    client_key: ClientOf,
    statements: Capture,
    settings: Any,
    tmp_path: Path,
) -> None:
    client = client_key(alice)
    with redis_server(tmp_path) as (url, process), cache_at(settings, url):
        client(ME)
        with statements() as cached:
            assert permissions(client) == []
        kill(process)

        change_user(alice.pk, actor=SYSTEM, groups=SetChange.to([editors.pk]))
        with statements() as uncached:
            assert permissions(client) == ["accounts.view_user"]

    assert (len(cached), len(uncached)) == (2, 3)


def test_write_during_an_outage_is_seen_afterwards(
    alice: User, editors: Group, client_key: ClientOf, settings: Any, tmp_path: Path
) -> None:
    client = client_key(alice)
    with redis_server(tmp_path) as (url, _process):
        with cache_at(settings, url):
            assert permissions(client) == []
        with cache_at(settings, "unix:///nowhere/redis.sock"):
            change_user(alice.pk, actor=SYSTEM, groups=SetChange.to([editors.pk]))
        with cache_at(settings, url):
            assert permissions(client) == ["accounts.view_user"]


def test_silent_redis_times_out(
    alice: User, client_key: ClientOf, settings: Any, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "silent.sock"))
        silent.listen()
        with cache_at(settings, f"unix://{tmp_path}/silent.sock"):
            assert permissions(client_key(alice)) == []
