"""Metadata in GraphQL."""

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
    """What becomes of the metadata that a person has."""

    MERGE = "merge"
    REPLACE = "replace"


describe_enum(
    MetadataMode,
    {
        MetadataMode.MERGE: "A merge patch is applied (RFC 7396): null removes a key, and what is "
        "left out stays.",
        MetadataMode.REPLACE: "It goes, and what is given takes its place.",
    },
)


@strawberry.input
class UpdateMetadataInput(UserIdInput):
    """What to note about a person; a kind that is left out stays."""

    public: strawberry.Maybe[JSON | None] = strawberry.field(
        description="An object for whoever sees the person; for staff to write."
    )
    private: strawberry.Maybe[JSON | None] = strawberry.field(
        description="An object for the person and staff; for administrators to write."
    )
    expected_public: strawberry.Maybe[JSON | None] = strawberry.field(
        description="`publicMetadata` as you read it. If it is different by now, nothing is "
        "written: CONFLICT."
    )
    expected_private: strawberry.Maybe[JSON | None] = strawberry.field(
        description="`privateMetadata` as you read it. If it is different by now, nothing is "
        "written: CONFLICT."
    )
    mode: MetadataMode = strawberry.field(
        default=MetadataMode.MERGE, description="Whether it is merged into what there is."
    )

    def changes(self) -> dict[str, Any]:
        """Return the kinds that were given."""
        return _given(public=self.public, private=self.private)

    def expected(self) -> dict[str, Any]:
        """Return the kinds of which the client says what it read."""
        return _given(public=self.expected_public, private=self.expected_private)


@strawberry.type
class MetadataMutation:
    """What applications note about people."""

    @mutation(scope=Scope.USERS_WRITE, reauthenticate=False)
    def update_metadata(self, info: Info, input: UpdateMetadataInput) -> UserPayload:
        """Change a user's metadata: public ones, for staff; private ones, for administrators."""
        user = change_metadata(
            node_key(input.user_id, "User"),
            actor=info.context.actor,
            changes=input.changes(),
            expected=input.expected(),
            replace=input.mode is MetadataMode.REPLACE,
        )
        return UserPayload(user_id=user.pk)


def _given(**kinds: strawberry.Some[Any] | None) -> dict[str, Any]:
    return {kind: some.value for kind, some in kinds.items() if some is not None}
