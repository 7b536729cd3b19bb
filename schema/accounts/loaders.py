"""Facts about people that the ORM cannot join, a page at a time."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from core.actor import Actor
from core.cache import remember_many
from schema.context import Batch
from users.accounts.models import User
from users.accounts.permissions import permissions_of


def _permissions(_actor: Actor, keys: Sequence[tuple[UUID, int]]) -> list[Any]:
    found = remember_many("permissions", dict(keys), permissions_of)
    return [found[user_id] for user_id, _version in keys]


permissions = Batch(User, ("pk", "authorization_version"), _permissions)
