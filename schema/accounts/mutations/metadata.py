"""Mutation of user metadata."""

from enum import Enum
from typing import Any

import strawberry
from strawberry.scalars import JSON

from schema.accounts.types.users import UserPayload
from schema.context import Info
from schema.enums import describe_enum
from schema.inputs import UserIdInput
from schema.mutation import mutation
from schema.nodes import node_key
from users.accounts.services.metadata import change_metadata
from users.scopes import Scope


class MetadataMode(Enum):
    """How to apply metadata to the existing value."""

    MERGE = "merge"
    REPLACE = "replace"


describe_enum(
    MetadataMode,
    {
        MetadataMode.MERGE: "Apply as a JSON merge patch (RFC 7396): null removes a key, and "
        "omitted keys keep their values.",
        MetadataMode.REPLACE: "Replace the existing value.",
    },
)


@strawberry.input
class UpdateMetadataInput(UserIdInput):
    """Metadata to change; an omitted kind keeps its value."""

    public: strawberry.Maybe[JSON | None] = strawberry.field(
        description="Public metadata, an object. Writable by staff."
    )
    private: strawberry.Maybe[JSON | None] = strawberry.field(
        description="Private metadata, an object. Writable by administrators."
    )
    expected_public: strawberry.Maybe[JSON | None] = strawberry.field(
        description="`publicMetadata` as you last read it. If it has changed since, nothing is "
        "written and the error is `CONFLICT`."
    )
    expected_private: strawberry.Maybe[JSON | None] = strawberry.field(
        description="`privateMetadata` as you last read it. If it has changed since, nothing is "
        "written and the error is `CONFLICT`."
    )
    mode: MetadataMode = strawberry.field(
        default=MetadataMode.MERGE, description="How to apply the new value."
    )

    def changes(self) -> dict[str, Any]:
        """Return the kinds to change."""
        return _provided_values(public=self.public, private=self.private)

    def expected(self) -> dict[str, Any]:
        """Return the values that the client read, for compare-and-set."""
        return _provided_values(public=self.expected_public, private=self.expected_private)


@strawberry.type
class MetadataMutation:
    """Metadata."""

    @mutation(scope=Scope.USERS_WRITE, reauthenticate=False)
    def update_metadata(self, info: Info, input: UpdateMetadataInput) -> UserPayload:
        """Update a user's metadata: public for staff, private for administrators."""
        user = change_metadata(
            node_key(input.user_id, "User"),
            actor=info.context.actor,
            changes=input.changes(),
            expected=input.expected(),
            replace=input.mode is MetadataMode.REPLACE,
        )
        return UserPayload(user_id=user.pk)


def _provided_values(**kinds: strawberry.Some[Any] | None) -> dict[str, Any]:
    return {kind: some.value for kind, some in kinds.items() if some is not None}
