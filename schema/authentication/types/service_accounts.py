"""The connection of service accounts, which are users."""

import strawberry

from engine.relay.connection import KeysetConnection
from schema.accounts.types.users import User


@strawberry.type
class ServiceAccountConnection(KeysetConnection[User]):
    """A page of service accounts, ordered by username."""
